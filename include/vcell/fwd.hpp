/// @file
/// Names of vcell for headers that only mention them. Template arguments are named in full here,
/// since their defaults come with the definitions: `Tensor<float, 2, Cpu>`.
#pragma once

#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE

struct Error;
class Rng;
struct ProgressUpdate;

template <class Device>
class Context;
template <class T, int rank, class Device>
struct View;
template <class Scalar, int rank, class Device>
class Tensor;
template <class T, int rank, class Device>
class Variable;

template <class T>
struct CsrMatrix;
template <class T>
struct DenseMatrix;
class Matrix;
class Column;
class DataFrame;
struct AnnData;
struct Factor;
struct Screen;
class SetLoader;

VCELL_END_NAMESPACE
