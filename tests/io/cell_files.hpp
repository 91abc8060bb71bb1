// Cells x genes in the formats that others write, without HDF5.
#pragma once

#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace vcell_test {

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

/// As gzip packs it.
inline std::string gzipped(const std::string& text) {
  z_stream z = {};
  if (deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string out(deflateBound(&z, uLong(text.size())) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = uInt(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = uInt(out.size());
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// 3 genes x 2 cells: cell a has 5 of g1 and 7 of g3, cell b has 2 of g2.
inline const std::string small_mtx =
    "%%MatrixMarket matrix coordinate integer general\n%metadata_json: {}\n3 2 3\n"
    "1 1 5\n3 1 7\n2 2 2\n";
inline const std::string small_features =
    "id1\tg1\tGene Expression\nid2\tg2\tGene Expression\nid3\tg3\tGene Expression\n";
inline const std::string small_barcodes = "a\nb\n";

/// A folder as Cell Ranger 3 writes it, of any matrix.
inline std::filesystem::path write_mtx_folder(const std::filesystem::path& folder,
                                              const std::string& matrix = small_mtx,
                                              const std::string& features = small_features,
                                              const std::string& barcodes = small_barcodes) {
  write_file(folder / "matrix.mtx.gz", gzipped(matrix));
  write_file(folder / "features.tsv.gz", gzipped(features));
  write_file(folder / "barcodes.tsv.gz", gzipped(barcodes));
  return folder;
}

}  // namespace vcell_test
