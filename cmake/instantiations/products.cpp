#define VCELL_MAKE_products
#include <vcell/kernels/serial_gemm_eigen.hpp>
