#include "vcell/report/statistics_page.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/data/matrix.hpp"
#include "vcell/report/statistics_folder.hpp"

using namespace vcell;

namespace {

/// Four genes of eight cells, with names that are none of HTML's or gnuplot's business.
AnnData hostile_screen(CsrMatrix<float>& X) {
  AnnData adata;
  adata.var.index = {"<b>bold</b>", "it's", "A`date`\n", "TP53"};
  std::vector<std::string> perturbation, batch;
  X.columns = 4;
  for (int i = 0; i < 8; ++i) {
    adata.obs.index.push_back(vcell::message("cell", i));
    perturbation.push_back(i < 3 ? "ctrl" : i < 6 ? "TP53" : "it's");
    batch.push_back(i % 2 ? "\"1\"" : "2");
    for (int32_t g = 0; g < 4; ++g) {
      if ((i + g) % 3 == 0) continue;
      X.indices.push_back(g);
      X.values.push_back(float(1 + (i * 7 + g * 5) % 9));
    }
    X.end_row();
  }
  adata.obs.set("perturbation", perturbation);
  adata.obs.set("batch", batch);
  return adata;
}

ScreenStatistics statistics(std::span<const Part> parts = {}) {
  CsrMatrix<float> X;
  const AnnData adata = hostile_screen(X);
  return screen_statistics(adata, Matrix(X),
                           {.labels = {.control = "ctrl", .batch_key = "batch"}, .parts = parts});
}

size_t count_of(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("statistics_page: names are escaped, and it says so where nothing is drawn", "[report]") {
  std::vector<Part> parts(8, Part::train);
  parts[7] = Part::test;
  const auto s = statistics(parts);
  const auto plots = statistics_plots(s, 3);
  CHECK(plots.size() == 9);
  const GnuplotOptions none{.program = "no-gnuplot-here"};
  const auto page = statistics_page(s, "<file>", plots, none);
  CHECK(page.find("<b>bold") == page.npos);
  CHECK(page.find("Statistics of &lt;file&gt;") != page.npos);
  CHECK(page.find("it&#39;s") != page.npos);
  CHECK(count_of(page, "No plot:") == 9);
  CHECK(page == statistics_page(s, "<file>", plots, none));
  CHECK(statistics_plots(statistics(), 3).size() == 8);  // no split
}

TEST_CASE("statistics_page: no name reaches gnuplot as it is", "[report]") {
  const auto s = statistics();
  for (const CaptionedPlot& p : statistics_plots(s)) {
    CAPTURE(p.plot.id);
    CHECK(p.plot.script.find("bold") == std::string::npos);
    CHECK(p.plot.script.find("date") == std::string::npos);
    const Drawing drawing = gnuplot(p.plot.script);
    if (drawing.trouble.find("not found") != std::string::npos) VCELL_SKIP("there is no gnuplot");
    CHECK(drawing.trouble == "");
    const Drawing picture = png(p.plot);
    CHECK(picture.trouble == "");
    CHECK(picture.svg.substr(1, 3) == "PNG");
  }
}

TEST_CASE("statistics_page: one perturbation, one gene, nothing expressed", "[report]") {
  for (const size_t genes : {1, 2}) {
    AnnData adata;
    CsrMatrix<float> X;
    X.columns = genes;
    for (size_t g = 0; g < genes; ++g) adata.var.index.push_back(vcell::message("G", g));
    for (int i = 0; i < 3; ++i) {
      adata.obs.index.push_back(vcell::message(i));
      X.end_row();
    }
    X.indices = {0};  // one count in the first cell, so that there is a total
    X.values = {3};
    X.indptr = {0, 1, 1, 1};
    adata.obs.set("perturbation", std::vector<std::string>{"ctrl", "P", "P"});
    const auto s = screen_statistics(adata, Matrix(X), {.labels = {.control = "ctrl"}});
    CHECK(s.summary.never_expressed == genes - 1);
    CHECK(std::isnan(s.perturbations[0].on_target_residual));
    CHECK_FALSE(s.batch_share);
    for (const CaptionedPlot& p : statistics_plots(s)) {
      const Drawing drawing = gnuplot(p.plot.script);
      if (drawing.trouble.find("not found") != std::string::npos) VCELL_SKIP("there is no gnuplot");
      CAPTURE(p.plot.id);
      CHECK(drawing.trouble == "");
    }
  }
}
