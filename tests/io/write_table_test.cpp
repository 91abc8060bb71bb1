#include "vcell/io/write_table.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/io/read_cells.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

AnnData table_of(size_t cells) {
  AnnData a;
  CsrMatrix<float> m;
  m.columns = 3;
  std::vector<double> score;
  for (size_t i = 0; i < cells; ++i) {
    a.obs.index.push_back(message("cell ", i, i % 2 ? ", \"odd\"" : ""));
    score.push_back(double(i) / 3 + 0.5);
    if (i % 3 != 0) {
      m.indices.push_back(int32_t(i % 3));
      m.values.push_back(i % 2 ? 0.1f * float(i) : -1e-20f);
    }
    m.end_row();
  }
  a.X = Matrix(m);
  a.var = DataFrame({"g,1", "\"g\"", " g3"});
  if (cells == 0) return a;
  a.obs.set("score, of cells", score);
  a.obs.set("batch", std::vector<std::string>(cells, "b,\"1\""));
  a.obs.set("n", std::vector<int64_t>(cells, -7));
  a.obs.set("passed", Numbers::truths(std::vector<uint8_t>(cells, 1)));
  std::vector<uint8_t> missing(cells, 0);
  missing[0] = cells > 1;
  a.obs.set("age",
            Column{std::vector<int64_t>(cells, 0), cells > 1 ? missing : decltype(missing)()});
  return a;
}

}  // namespace

TEST_CASE("write_table: reads back the same with its metadata, for any threads and blocks",
          "[io]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "table", metadata = folder.path() / "metadata";
  for (const size_t cells : {1, 2, 30'001})
    for (const char separator : {',', '\t'})
      for (const int gzip : {0, 1}) {
        CAPTURE(cells, separator, gzip);
        const AnnData a = table_of(cells);
        const WriteTableOptions options{separator, gzip, {}};
        std::string bytes;
        for (const size_t threads : {1, 4}) {
          const Threads set(threads);
          if (threads == 1)
            write_table(path, a.obs, a.var, *a.X, options);
          else
            write_table(path, a.obs, a.var, SelectedRows(*a.X), options);
          if (bytes.empty()) bytes = read_text(path);
          CHECK((read_text(path) == bytes));
        }
        CHECK((bytes.substr(0, 2) == "\x1f\x8b") == (gzip > 0));
        write_metadata(metadata, a.obs, options);
        const AnnData back = read_cells(path, {{}, {.metadata = {.file = metadata.string()}}});
        CHECK((back.obs == a.obs));
        CHECK(back.var == a.var);
        CHECK(to_dense<float>(*back.X).values == to_dense<float>(*a.X).values);
      }
}

TEST_CASE("write_table: what is in the files", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.csv";
  const DataFrame obs({"a", "b,c"}), var({"x", "y"});
  write_table(path, obs, var, Matrix(DenseMatrix<double>{2, 2, {0.1, 0, -2, 3}}));
  CHECK(read_text(path) == ",x,y\na,0.1,0\n\"b,c\",-2,3\n");
  write_table(path, obs, var, Matrix(DenseMatrix<uint8_t>{2, 2, {1, 0, 255, 3}}), {'\t', 0, {}});
  CHECK(read_text(path) == "\tx\ty\na\t1\t0\nb,c\t255\t3\n");
  CHECK(read_cells(path).X->dtype() == DType::i32);
  write_table(path, DataFrame(), var, Matrix(DenseMatrix<float>{0, 2, {}}));
  CHECK(read_text(path) == ",x,y\n");
  write_metadata(path, DataFrame({"a", ""}));
  CHECK(read_metadata(path).index == std::vector<std::string>{"a", ""});

  const Matrix X = DenseMatrix<float>{2, 2, {1, 2, 3, NAN}};
  check_error<ConfigError>([&] { write_table(path, obs, var, X); }, {"NaN", "cell 'b,c'", "'y'"});
  check_error<ConfigError>([&] { write_table(path, obs, DataFrame({"x", "y\tz"}), X); }, {"tab"});
  check_error<ConfigError>(
      [&] {
        write_table(path, DataFrame({"a\nb", "c"}), var, X);
      },
      {"line break"});
  check_error<ShapeError>([&] { write_table(path, obs, DataFrame({"x"}), X); }, {"columns of X"});
  check_error<ConfigError>([&] { write_table(path, obs, var, X, {';', 0, {}}); }, {"separator"});
  check_error<ConfigError>(
      [&] {
        write_table(path, obs, DataFrame(), Matrix(DenseMatrix<float>{2, 0, {}}));
      },
      {"genes"});
}
