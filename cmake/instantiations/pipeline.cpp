#define VCELL_MAKE_pipeline
#include <vcell/eval/ceiling.hpp>
#include <vcell/eval/vcc2025/score_cells.hpp>
#include <vcell/eval/vcc2026/score_context.hpp>
#include <vcell/pipeline/baseline_anndata.hpp>
#include <vcell/pipeline/dry_run.hpp>
#include <vcell/pipeline/prediction_anndata.hpp>
#include <vcell/pipeline/run.hpp>
