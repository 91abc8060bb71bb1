#include "vcell/io/write_npy.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/npz.hpp"

using namespace vcell;

TEST_CASE("write_npy: the bytes of numpy's format, and what reads them", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.npy";
  for (const auto& [rows, columns] : {std::pair<size_t, size_t>{2, 3}, {0, 5}, {1, 1}}) {
    std::vector<float> values;
    for (size_t i = 0; i < rows * columns; ++i) values.push_back(float(i) - 1.5f);
    write_npy(path, values, rows, columns);
    const std::string text = read_text(path);
    CHECK(text.starts_with(std::string("\x93NUMPY\x01\x00", 8)));
    CHECK((text.size() - 4 * values.size()) % 64 == 0);
    CHECK(text[text.size() - 4 * values.size() - 1] == '\n');
    const auto read = detail::read_npy(text, "a.npy").numbers;
    CHECK(read.shape == std::vector<size_t>{rows, columns});
    CHECK(read.as<float>() == values);
  }
  vcell_test::check_error<ShapeError>([&] { write_npy(path, std::vector<float>(5), 2, 3); },
                                      {"5", "6"});
}
