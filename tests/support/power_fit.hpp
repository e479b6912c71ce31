#pragma once
#include <cmath>

namespace mfld {

/// The slope of log y against log x by least squares, and the half width of its interval of 95 % for independent errors
/// of one size.
class PowerFit {
 public:
  void add(double x, double y) {
    const double u = std::log(x);
    const double v = std::log(y);
    count_ += 1;
    u_ += u;
    v_ += v;
    uu_ += u * u;
    uv_ += u * v;
    vv_ += v * v;
  }
  double slope() const { return covariance() / variance(); }
  double half_width() const {
    const double residual = std::fmax(0, vv_ - v_ * v_ / count_ - slope() * covariance());
    return 2 * std::sqrt(residual / (count_ - 2) / variance());
  }

 private:
  double variance() const { return uu_ - u_ * u_ / count_; }
  double covariance() const { return uv_ - u_ * v_ / count_; }

  double count_ = 0;
  double u_ = 0;
  double v_ = 0;
  double uu_ = 0;
  double uv_ = 0;
  double vv_ = 0;
};

}  // namespace mfld
