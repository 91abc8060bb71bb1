// Files of Cell Ranger's, of both versions, written with HDF5 itself.
#pragma once

#include <string>
#include <vector>

#include "edit_hdf5.hpp"

namespace vcell_test {

/// Text of a fixed width, as Cell Ranger writes it.
inline void put_names(hid_t file, const char* path, const std::vector<std::string>& names) {
  if (H5Lexists(file, path, H5P_DEFAULT) > 0) remove(file, path);
  constexpr size_t width = 24;
  std::string bytes(names.size() * width, '\0');
  for (size_t i = 0; i < names.size(); ++i) bytes.replace(i * width, names[i].size(), names[i]);
  const Handle type(must(H5Tcopy(H5T_C_S1)));
  must(H5Tset_size(type, width));
  const hsize_t n = names.size();
  const Handle space(must(H5Screate_simple(1, &n, nullptr)));
  const Handle out(
      must(H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
  if (n) must(H5Dwrite(out, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()));
}

inline void make_group(hid_t file, const std::string& path) {
  const Handle group(must(H5Gcreate2(file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
}

/// Cells a and b; 3 genes x 2 cells by columns: a has 5 of g1 and 7 of g3, b has 2 of g2.
inline void put_small_matrix(hid_t file, const std::string& group) {
  make_group(file, group);
  const auto at = [&](const char* name) { return group + "/" + name; };
  put_names(file, at("barcodes").c_str(), {"a", "b"});
  put<int32_t>(file, at("data").c_str(), {5, 7, 2});
  put<int64_t>(file, at("indices").c_str(), {0, 2, 1});
  put<int64_t>(file, at("indptr").c_str(), {0, 2, 3});
  put<int32_t>(file, at("shape").c_str(), {3, 2});
}

/// @param types    of the features
inline void write_10x_v3(
    const std::filesystem::path& path,
    const std::vector<std::string>& types = std::vector<std::string>(3, "Gene Expression"),
    const std::vector<std::string>& genomes = std::vector<std::string>(3, "hg")) {
  const Handle file(
      must(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)));
  put_small_matrix(file, "matrix");
  make_group(file, "matrix/features");
  put_names(file, "matrix/features/_all_tag_keys", {"genome"});
  put_names(file, "matrix/features/id", {"id1", "id2", "id3"});
  put_names(file, "matrix/features/name", {"g1", "g2", "g3"});
  put_names(file, "matrix/features/feature_type", types);
  put_names(file, "matrix/features/genome", genomes);
}

inline void write_10x_v2(const std::filesystem::path& path,
                         const std::vector<std::string>& genomes = {"hg"}) {
  const Handle file(
      must(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)));
  for (const std::string& genome : genomes) {
    put_small_matrix(file, genome);
    put_names(file, (genome + "/genes").c_str(), {"id1", "id2", "id3"});
    put_names(file, (genome + "/gene_names").c_str(), {"g1", "g2", "g3"});
  }
}

}  // namespace vcell_test
