// Small files as anndata before 0.8 wrote them, made with HDF5 itself.
#pragma once

#include <cstring>
#include <utility>

#include "edit_hdf5.hpp"
#include "vcell/data/anndata.hpp"

namespace vcell_test {

/// How a file is made: with the bounds of HDF5's versions, and with filters.
struct FileKind {
  H5F_libver_t low = H5F_LIBVER_EARLIEST, high = H5F_LIBVER_LATEST;
  unsigned gzip = 0;  ///< 0: in one piece, where that can be
};

/// Makes a file and hands it to f; false where HDF5 refuses these bounds.
template <class F>
bool make_file(const std::filesystem::path& path, const FileKind& kind, F&& f) {
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  if (H5Pset_libver_bounds(access, kind.low, kind.high) < 0) return false;
  const Handle file(must(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access)));
  f(hid_t(file));
  return true;
}

inline void put_group(hid_t file, const char* path) {
  const Handle group(must(H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
}

/// How a dataset of a kind of file is stored: chunks of a few rows, or in one piece.
inline Handle creation_of(const FileKind& kind, std::vector<hsize_t> chunk) {
  Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(creation, false);
  if (kind.gzip == 0) return creation;
  H5Pset_chunk(creation, int(chunk.size()), chunk.data());
  H5Pset_shuffle(creation);
  H5Pset_deflate(creation, kind.gzip);
  return creation;
}

inline Handle fixed_text(size_t width) {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, width);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  return type;
}

/// Texts of variable length.
inline Handle put_texts(hid_t file, const char* path, const std::vector<const char*>& texts) {
  const hsize_t n = texts.size();
  const Handle type(vcell::hdf5::text_type()), space(must(H5Screate_simple(1, &n, nullptr)));
  Handle out(must(H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
  must(H5Dwrite(out, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()));
  return out;
}

/// A list of records, given as the bytes in memory of `type`, stored as `stored`.
inline void put_records(hid_t file, const char* path, hid_t type, hid_t stored, const void* bytes,
                        hsize_t n, const FileKind& kind) {
  const Handle space(must(H5Screate_simple(1, &n, nullptr)));
  const Handle creation = creation_of(kind, {2});
  const Handle out(must(H5Dcreate2(file, path, stored, space, H5P_DEFAULT, creation, H5P_DEFAULT)));
  must(H5Dwrite(out, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes));
}

/// A table whose only column is the index.
inline void put_names(hid_t file, const char* path, const std::vector<const char*>& names,
                      const FileKind& kind) {
  const Handle type(H5Tcreate(H5T_COMPOUND, sizeof(char*)));
  must(H5Tinsert(type, "index", 0, vcell::hdf5::text_type()));
  put_records(file, path, type, type, names.data(), names.size(), kind);
}

/// What both files below hold: 3 cells, 2 genes.
inline vcell::AnnData legacy_anndata() {
  using namespace vcell;
  AnnData a;
  a.obs = DataFrame({"c0", "c1·é", "c2"});
  a.obs.set("perturbation", Categorical{{1, -1, 0}, std::vector<std::string>{"A", "β"}, false});
  a.obs.set("plate", Categorical{{0, 0, 0}, std::vector<int64_t>{7}, false});
  a.obs.set("umi", std::vector<int32_t>{5, -3, 1 << 30});
  a.obs.set("tag", std::vector<std::string>{"x", "", "long"});
  a.obs.set("passed", Numbers::truths({1, 0, 1}));
  a.obs.set("score", std::vector<double>{0.5, -1e300, 3});
  a.var = DataFrame({"g0", "g1"});
  a.X = CsrMatrix<float>{3, 2, {0, 2, 2, 3}, {0, 1, 0}, {1.5f, 2, -4}};
  a.layers["dense"] = DenseMatrix<float>{3, 2, {0, 1, 2, 3, 4, 5}};
  a.obsm["X_pca"] = Matrix(DenseMatrix<float>{3, 2, {0.5f, 1, 2, 3, 4, 5}});
  a.obsm["depth"] = Matrix(DenseMatrix<int64_t>{3, 1, {1, 2, 3}});
  a.varm["PCs"] = Matrix(DenseMatrix<double>{2, 1, {1, 2}});
  a.raw = Raw{CsrMatrix<float>{3, 3, {0, 1, 2, 3}, {2, 0, 1}, {1, 2, 3}},
              DataFrame({"g0", "g1", "g2"}),
              {{"weights", Matrix(DenseMatrix<float>{3, 1, {3, 2, 1}})}}};
  a.uns["count"] = int64_t(3);
  a.uns["text"] = std::string("héllo");
  a.uns["inner"] = Dict{{"values", Array::of<int32_t>({2}, std::vector<int32_t>{1, 2})}};
  return a;
}

/// Sparse rows as anndata up to 0.6 and from 0.7 on wrote them.
inline void put_sparse(hid_t file, const std::string& path, std::vector<int64_t> shape,
                       const std::vector<int32_t>& indptr, const std::vector<int32_t>& indices,
                       const std::vector<float>& data, const FileKind& kind, bool is_old) {
  put_group(file, path.c_str());
  put(file, (path + "/data").c_str(), data, {}, creation_of(kind, {2}));
  put(file, (path + "/indices").c_str(), indices, {}, creation_of(kind, {2}));
  put(file, (path + "/indptr").c_str(), indptr, {}, creation_of(kind, {2}));
  put_text(file, path.c_str(), is_old ? "h5sparse_format" : "encoding-type",
           is_old ? "csr" : "csr_matrix");
  if (!is_old) put_text(file, path.c_str(), "encoding-version", "0.1.0");
  put_integers(file, path.c_str(), is_old ? "h5sparse_shape" : "shape", shape);
}

/// legacy_anndata() as anndata 0.5 wrote it: records with gaps, numbers of either order of bytes,
/// text of both kinds.
inline bool write_records_anndata(const std::filesystem::path& path, const FileKind& kind = {}) {
  return make_file(path, kind, [&](hid_t f) {
    struct Row {
      const char* index;
      int8_t perturbation;
      int16_t plate;
      int32_t umi;
      char tag[4];
      int8_t passed;
      double score;
    };
    const std::vector<Row> rows = {{"c0", 1, 0, 5, {'x', 0, 0, 0}, 1, 0.5},
                                   {"c1·é", -1, 0, -3, {0, 0, 0, 0}, 0, -1e300},
                                   {"c2", 0, 0, 1 << 30, {'l', 'o', 'n', 'g'}, 1, 3}};
    const auto type = [](bool stored) {
      Handle out(H5Tcreate(H5T_COMPOUND, sizeof(Row)));
      must(H5Tinsert(out, "index", offsetof(Row, index), vcell::hdf5::text_type()));
      must(H5Tinsert(out, "perturbation", offsetof(Row, perturbation), H5T_NATIVE_INT8));
      must(
          H5Tinsert(out, "plate", offsetof(Row, plate), stored ? H5T_STD_I16BE : H5T_NATIVE_INT16));
      must(H5Tinsert(out, "umi", offsetof(Row, umi), stored ? H5T_STD_I32BE : H5T_NATIVE_INT32));
      must(H5Tinsert(out, "tag", offsetof(Row, tag), fixed_text(4)));
      must(H5Tinsert(out, "passed", offsetof(Row, passed), vcell::hdf5::bool_type()));
      must(H5Tinsert(out, "score", offsetof(Row, score),
                     stored ? H5T_IEEE_F64BE : H5T_NATIVE_DOUBLE));
      return out;
    };
    put_records(f, "obs", type(false), type(true), rows.data(), rows.size(), kind);
    put_names(f, "var", {"g0", "g1"}, kind);
    put_sparse(f, "X", {3, 2}, {0, 2, 2, 3}, {0, 1, 0}, {1.5f, 2, -4}, kind, true);
    put_group(f, "layers");
    put<float>(f, "layers/dense", {0, 1, 2, 3, 4, 5}, {3, 2}, creation_of(kind, {2, 2}));

    struct Place {
      float pca[2];
      int64_t depth;
    };
    const std::vector<Place> places = {{{0.5f, 1}, 1}, {{2, 3}, 2}, {{4, 5}, 3}};
    const hsize_t two = 2;
    const Handle pair(H5Tarray_create2(H5T_NATIVE_FLOAT, 1, &two));
    const Handle place(H5Tcreate(H5T_COMPOUND, sizeof(Place)));
    must(H5Tinsert(place, "X_pca", offsetof(Place, pca), pair));
    must(H5Tinsert(place, "depth", offsetof(Place, depth), H5T_NATIVE_INT64));
    put_records(f, "obsm", place, place, places.data(), places.size(), kind);
    put_group(f, "varm");
    put<double>(f, "varm/PCs", {1, 2}, {2, 1});
    put_names(f, "raw.var", {"g0", "g1", "g2"}, kind);
    put_sparse(f, "raw.X", {3, 3}, {0, 1, 2, 3}, {2, 0, 1}, {1, 2, 3}, kind, true);
    put_group(f, "raw.varm");
    put<float>(f, "raw.varm/weights", {3, 2, 1}, {3, 1});

    put_group(f, "uns");
    put_texts(f, "uns/perturbation_categories", {"A", "β"});
    put<int64_t>(f, "uns/plate_categories", {7});
    put<int64_t>(f, "uns/count", {3});
    put_texts(f, "uns/text", {"héllo"});
    put_group(f, "uns/inner");
    put<int32_t>(f, "uns/inner/values", {1, 2});
  });
}

/// Has the column refer to a dataset, by its address.
inline void put_reference(hid_t file, const char* column, const hobj_ref_t& place) {
  const Handle object(must(H5Oopen(file, column, H5P_DEFAULT))), space(H5Screate(H5S_SCALAR));
  if (H5Aexists(object, "categories") > 0) must(H5Adelete(object, "categories"));
  const Handle attribute(
      must(H5Acreate2(object, "categories", H5T_STD_REF_OBJ, space, H5P_DEFAULT, H5P_DEFAULT)));
  must(H5Awrite(attribute, H5T_STD_REF_OBJ, &place));
}
inline void refer(hid_t file, const char* column, const char* target) {
  hobj_ref_t place = 0;
  must(H5Rcreate(&place, file, target, H5R_OBJECT, -1));
  put_reference(file, column, place);
}

/// A table of anndata 0.7, of these columns.
inline void put_table(hid_t file, const std::string& path, const std::vector<const char*>& index,
                      std::vector<const char*> columns) {
  put_group(file, path.c_str());
  put_texts(file, (path + "/_index").c_str(), index);
  put_text(file, path.c_str(), "encoding-type", "dataframe");
  put_text(file, path.c_str(), "encoding-version", "0.1.0");
  put_text(file, path.c_str(), "_index", "_index");
  const hsize_t n = columns.size();
  const Handle object(must(H5Oopen(file, path.c_str(), H5P_DEFAULT))),
      space(must(H5Screate_simple(1, &n, nullptr)));
  // An empty list is one of numbers, as numpy makes it.
  const Handle type(n ? vcell::hdf5::text_type() : Handle(H5Tcopy(H5T_NATIVE_DOUBLE)));
  const Handle order(
      must(H5Acreate2(object, "column-order", type, space, H5P_DEFAULT, H5P_DEFAULT)));
  if (n) must(H5Awrite(order, type, columns.data()));
}

/// legacy_anndata() as anndata 0.7 wrote it.
inline bool write_references_anndata(const std::filesystem::path& path, const FileKind& kind = {}) {
  return make_file(path, kind, [&](hid_t f) {
    put_table(f, "obs", {"c0", "c1·é", "c2"},
              {"perturbation", "plate", "umi", "tag", "passed", "score"});
    put_group(f, "obs/__categories");
    put_texts(f, "obs/__categories/perturbation", {"A", "β"});
    put<int64_t>(f, "obs/__categories/plate", {7});
    put<int8_t>(f, "obs/perturbation", {1, -1, 0});
    put<int8_t>(f, "obs/plate", {0, 0, 0});
    refer(f, "obs/perturbation", "obs/__categories/perturbation");
    refer(f, "obs/plate", "obs/__categories/plate");
    put<int32_t>(f, "obs/umi", {5, -3, 1 << 30}, {}, creation_of(kind, {2}));
    put_texts(f, "obs/tag", {"x", "", "long"});
    const hsize_t n = 3;
    const int8_t truths[] = {1, 0, 1};
    const Handle space(H5Screate_simple(1, &n, nullptr)), truth(vcell::hdf5::bool_type());
    const Handle passed(
        must(H5Dcreate2(f, "obs/passed", truth, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
    must(H5Dwrite(passed, truth, H5S_ALL, H5S_ALL, H5P_DEFAULT, truths));
    put<double>(f, "obs/score", {0.5, -1e300, 3});
    put_table(f, "var", {"g0", "g1"}, {});
    put_sparse(f, "X", {3, 2}, {0, 2, 2, 3}, {0, 1, 0}, {1.5f, 2, -4}, kind, false);
    for (const char* name : {"layers", "obsm", "varm", "raw", "raw/varm", "uns", "uns/inner"})
      put_group(f, name);
    put<float>(f, "layers/dense", {0, 1, 2, 3, 4, 5}, {3, 2}, creation_of(kind, {2, 2}));
    put<float>(f, "obsm/X_pca", {0.5f, 1, 2, 3, 4, 5}, {3, 2});
    put<int64_t>(f, "obsm/depth", {1, 2, 3}, {3, 1});
    put<double>(f, "varm/PCs", {1, 2}, {2, 1});
    put_table(f, "raw/var", {"g0", "g1", "g2"}, {});
    put_sparse(f, "raw/X", {3, 3}, {0, 1, 2, 3}, {2, 0, 1}, {1, 2, 3}, kind, false);
    put<float>(f, "raw/varm/weights", {3, 2, 1}, {3, 1});
    const Handle scalar(H5Screate(H5S_SCALAR)), text(vcell::hdf5::text_type());
    const int64_t three = 3;
    const char* hello = "héllo";
    const Handle count(must(H5Dcreate2(f, "uns/count", H5T_NATIVE_INT64, scalar, H5P_DEFAULT,
                                       H5P_DEFAULT, H5P_DEFAULT)));
    must(H5Dwrite(count, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &three));
    const Handle said(
        must(H5Dcreate2(f, "uns/text", text, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
    must(H5Dwrite(said, text, H5S_ALL, H5S_ALL, H5P_DEFAULT, &hello));
    put<int32_t>(f, "uns/inner/values", {1, 2});
  });
}

}  // namespace vcell_test
