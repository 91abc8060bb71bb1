#pragma once

#include <optional>

#include "vcell/data/dtype.hpp"
#include "vcell/io/hdf5/handle.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// IEEE binary16 in the machine's byte order, as h5py writes numpy.float16.
template <class = void>
Handle half_type() {
  Handle type(H5Tcopy(H5T_NATIVE_FLOAT));
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

/// How h5py stores numpy.bool: an enumeration of FALSE and TRUE.
template <class = void>
Handle bool_type() {
  Handle type(H5Tenum_create(H5T_NATIVE_INT8));
  const int8_t no = 0, yes = 1;
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  return type;
}

/// Text of any length in UTF-8.
template <class = void>
Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

/// The type that holds elements of this dtype in memory. HDF5 has no bfloat16: it is handled as
/// float.
template <class = void>
Handle memory_type(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return bool_type();
    case DType::u8:
      return Handle(H5Tcopy(H5T_NATIVE_UINT8));
    case DType::i8:
      return Handle(H5Tcopy(H5T_NATIVE_INT8));
    case DType::u16:
      return Handle(H5Tcopy(H5T_NATIVE_UINT16));
    case DType::i16:
      return Handle(H5Tcopy(H5T_NATIVE_INT16));
    case DType::u32:
      return Handle(H5Tcopy(H5T_NATIVE_UINT32));
    case DType::i32:
      return Handle(H5Tcopy(H5T_NATIVE_INT32));
    case DType::u64:
      return Handle(H5Tcopy(H5T_NATIVE_UINT64));
    case DType::i64:
      return Handle(H5Tcopy(H5T_NATIVE_INT64));
    case DType::f16:
      return half_type();
    case DType::bf16:
    case DType::f32:
      return Handle(H5Tcopy(H5T_NATIVE_FLOAT));
    case DType::f64:
      break;
  }
  return Handle(H5Tcopy(H5T_NATIVE_DOUBLE));
}

/// The dtype of a stored type, or nothing when it is no plain number: odd widths, packed bits, and
/// enumerations other than bool's are not.
template <class = void>
std::optional<DType> dtype_of_type(hid_t type) {
  const size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: {
      if (H5Tget_precision(type) != 8 * size || H5Tget_offset(type) != 0) return {};
      const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
      if (size == 1) return is_signed ? DType::i8 : DType::u8;
      if (size == 2) return is_signed ? DType::i16 : DType::u16;
      if (size == 4) return is_signed ? DType::i32 : DType::u32;
      if (size == 8) return is_signed ? DType::i64 : DType::u64;
      return {};
    }
    case H5T_FLOAT: {
      Handle native(H5Tcopy(type));
      H5Tset_order(native, H5Tget_order(H5T_NATIVE_FLOAT));
      for (DType dtype : {DType::f16, DType::f32, DType::f64})
        if (H5Tequal(native, memory_type(dtype)) > 0) return dtype;
      return {};
    }
    case H5T_ENUM: {
      int8_t no = -1, yes = -1;
      const bool is_bool = size == 1 && H5Tget_nmembers(type) == 2 &&
                           H5Tenum_valueof(type, "FALSE", &no) >= 0 &&
                           H5Tenum_valueof(type, "TRUE", &yes) >= 0 && no == 0 && yes == 1;
      return is_bool ? std::optional(DType::boolean) : std::nullopt;
    }
    default:
      return {};
  }
}

/// What a stored type is, for messages: "float32", "text", "a compound type", ...
template <class = void>
std::string type_name(hid_t type) {
  if (const auto dtype = dtype_of_type(type)) return std::string(name_of(*dtype));
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return message("an integer of ", H5Tget_precision(type), " bits");
    case H5T_FLOAT:
      return message("a floating type of ", 8 * H5Tget_size(type), " bits");
    case H5T_STRING:
      return "text";
    case H5T_COMPOUND:
      return "a compound type";
    case H5T_ENUM:
      return "an enumeration";
    case H5T_REFERENCE:
      return "a reference";
    case H5T_VLEN:
      return "a variable-length type";
    case H5T_ARRAY:
      return "an array type";
    default:
      return "an unknown type";
  }
}

}  // namespace hdf5
VCELL_END_NAMESPACE
