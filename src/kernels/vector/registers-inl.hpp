// How many vector registers there are.
#if defined(MFLD_KERNELS_REGISTERS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef MFLD_KERNELS_REGISTERS_INL_HPP
#undef MFLD_KERNELS_REGISTERS_INL_HPP
#else
#define MFLD_KERNELS_REGISTERS_INL_HPP
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mfld::HWY_NAMESPACE {

/// 16 on x86 before vectors of 64 bytes, 32 with them and elsewhere.
inline constexpr bool has_32_registers = HWY_MAX_BYTES >= 64 || !HWY_ARCH_X86;

}  // namespace mfld::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
