/// @file
/// What reads and writes files, or needs HDF5, fmt, JSON or TOML for another reason: link
/// `vcell::files`. The include list is written by cmake/umbrella.cmake.
#pragma once

#include "vcell/io/h5ad/encoding.hpp"
#include "vcell/io/h5ad/opaque.hpp"
#include "vcell/io/h5ad/read_column.hpp"
#include "vcell/io/h5ad/read_dataframe.hpp"
#include "vcell/io/h5ad/read_h5ad.hpp"
#include "vcell/io/h5ad/read_matrix.hpp"
#include "vcell/io/h5ad/read_value.hpp"
#include "vcell/io/hdf5/attribute.hpp"
#include "vcell/io/hdf5/dataset.hpp"
#include "vcell/io/hdf5/filters.hpp"
#include "vcell/io/hdf5/handle.hpp"
#include "vcell/io/hdf5/lzf_filter.hpp"
#include "vcell/io/hdf5/object.hpp"
#include "vcell/io/hdf5/text.hpp"
#include "vcell/io/hdf5/types.hpp"
#include "vcell/io/toml_text.hpp"
#include "vcell/sets/split_toml.hpp"
