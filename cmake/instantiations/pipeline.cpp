#define VCELL_MAKE_pipeline
#include <vcell/pipeline/dry_run.hpp>
#include <vcell/pipeline/prediction_anndata.hpp>
#include <vcell/pipeline/run.hpp>
