#pragma once

#include <span>
#include <string>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/sets/part.hpp"
#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

/// What to predict: a perturbation in a context, from given control cells.
struct PredictionRequest {
  int32_t context = 0, perturbation = 0;  ///< codes of the screen
  std::vector<size_t> control_cells;      ///< rows of the screen, one per predicted cell

  bool operator==(const PredictionRequest&) const = default;
};

/// Predicted cells of some requests.
struct PredictedCells {
  CsrMatrix<float> cells;            ///< log1p, (predicted cells, genes of the screen)
  std::vector<size_t> requests;      ///< which request each cell is of, ascending
  std::vector<std::string> missing;  ///< requests without a prediction and why, a sentence each
};

/// A method that predicts perturbed cells from control cells: a model, or a baseline that models
/// are held against. A method of one's own is a class that inherits this one
/// (examples/own_predictor.cpp).
class Predictor {
 public:
  virtual ~Predictor() = default;

  /// In tables and names of folders: small letters, digits and underscores.
  virtual std::string name() const = 0;
  /// What people call it.
  virtual std::string title() const { return name(); }
  /// What it does, a sentence for people.
  virtual std::string meaning() const { return {}; }

  /// Learns from the cells of a screen whose part is train; those of validation may be used to
  /// choose among what was learnt. Cells of test are not looked at, but for controls, which serve
  /// as inputs of every part.
  /// @param screen  log1p
  /// @param parts   (cells)
  /// @throws ShapeError, ConfigError; Stopped
  virtual void fit(const Screen& screen, std::span<const Part> parts,
                   const Callbacks& callbacks) = 0;

  /// Predicts cells, one for every control cell of every request. A request that it cannot predict
  /// gets no cells and is named in `missing`.
  /// @param screen    the one it was fitted to, or another with its genes, contexts and
  ///                  perturbations
  /// @throws ShapeError if a control cell is no row of the screen, or a code none of its names;
  ///         Stopped
  virtual PredictedCells predict(const Screen& screen, std::span<const PredictionRequest> requests,
                                 const Callbacks& callbacks) const = 0;
};

/// @throws ShapeError if a request's control cell is no row of the screen, or a code none of its
///         names; ConfigError if the screen's expression is not in memory
template <class = void>
void check_request(const Screen& screen, const PredictionRequest& request) {
  check_in_memory("predict", screen);
  check_index("predict", "context", request.context, screen.context.names.size());
  check_index("predict", "perturbation", request.perturbation, screen.perturbation.names.size());
  for (const size_t row : request.control_cells)
    check_index("predict", "control cell", row, screen.cells());
}

VCELL_END_NAMESPACE
