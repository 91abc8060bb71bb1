/// @file
/// What `vcell run` does, from C++, in memory and in a folder: link `vcell::files`. (For work in
/// memory alone vcell/pipeline/run.hpp is enough, which needs no more than vcell.hpp.) The include
/// list is written by cmake/umbrella.cmake.
#pragma once

#include "vcell/pipeline/data_files.hpp"
#include "vcell/pipeline/data_set_files.hpp"
#include "vcell/pipeline/draw_validation.hpp"
#include "vcell/pipeline/dry_run.hpp"
#include "vcell/pipeline/embed_file.hpp"
#include "vcell/pipeline/gene_names_file.hpp"
#include "vcell/pipeline/held_out_pairs.hpp"
#include "vcell/pipeline/infer_cells.hpp"
#include "vcell/pipeline/initial_model.hpp"
#include "vcell/pipeline/labelled_cells_of.hpp"
#include "vcell/pipeline/labelled_sides.hpp"
#include "vcell/pipeline/make_methods.hpp"
#include "vcell/pipeline/model_card.hpp"
#include "vcell/pipeline/observation_anndata.hpp"
#include "vcell/pipeline/predict_split.hpp"
#include "vcell/pipeline/prediction_anndata.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/pipeline/preprocess_file.hpp"
#include "vcell/pipeline/read_inputs.hpp"
#include "vcell/pipeline/report_folder.hpp"
#include "vcell/pipeline/run.hpp"
#include "vcell/pipeline/run_facts.hpp"
#include "vcell/pipeline/run_folder.hpp"
#include "vcell/pipeline/run_in_folder.hpp"
#include "vcell/pipeline/state_transition_predictor.hpp"
#include "vcell/pipeline/train_embedding_in_folder.hpp"
#include "vcell/pipeline/training_gene_names.hpp"
#include "vcell/pipeline/virtual_cells.hpp"
