#pragma once

// AnnData files: everything in one include.
#include "vcell/io/h5ad/describe_h5ad.hpp"  // IWYU pragma: export
#include "vcell/io/h5ad/h5ad_rows.hpp"      // IWYU pragma: export
#include "vcell/io/h5ad/read_h5ad.hpp"      // IWYU pragma: export
#include "vcell/io/h5ad/write_h5ad.hpp"     // IWYU pragma: export
