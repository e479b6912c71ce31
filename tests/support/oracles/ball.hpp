#pragma once
#if __has_include(<flint/arb.h>)  // from flint 3 on
#include <flint/arb.h>
#include <flint/arb_hypgeom.h>
#else
#include <arb.h>
#include <arb_hypgeom.h>
#endif

namespace mfld::test {

/// A real number enclosed in a ball, by Arb: what is computed of balls holds whatever is computed of numbers in them.
class Ball {
 public:
  /// Of the midpoints that operations give: up to 128 bits take no memory of their own.
  static inline slong bits = 128;

  Ball() { arb_init(ball_); }
  Ball(double number) : Ball() { arb_set_d(ball_, number); }  // exact
  Ball(const Ball& other) : Ball() { arb_set(ball_, other.ball_); }
  Ball& operator=(const Ball& other) {
    arb_set(ball_, other.ball_);
    return *this;
  }
  ~Ball() { arb_clear(ball_); }

  arb_ptr get() { return ball_; }
  arb_srcptr get() const { return ball_; }

  friend Ball operator+(const Ball& x, const Ball& y) { return make(arb_add, x, y); }
  friend Ball operator-(const Ball& x, const Ball& y) { return make(arb_sub, x, y); }
  friend Ball operator*(const Ball& x, const Ball& y) { return make(arb_mul, x, y); }
  friend Ball operator/(const Ball& x, const Ball& y) { return make(arb_div, x, y); }
  friend Ball operator-(const Ball& x) { return Ball(0.0) - x; }
  Ball& operator+=(const Ball& y) {
    arb_add(ball_, ball_, y.ball_, bits);
    return *this;
  }

  friend Ball sqrt(const Ball& x) { return make(arb_sqrtpos, x); }  // of what is known not to be negative
  friend Ball exp(const Ball& x) { return make(arb_exp, x); }
  friend Ball log(const Ball& x) { return make(arb_log, x); }
  friend Ball tanh(const Ball& x) { return make(arb_tanh, x); }
  friend Ball asin(const Ball& x) { return make(arb_asin, x); }
  friend Ball atan(const Ball& x) { return make(arb_atan, x); }
  static Ball pi() {
    Ball result;
    arb_const_pi(result.ball_, bits);
    return result;
  }

  /// The ball about this one that is wider by `margin` >= 0.
  Ball widened(double margin) const {
    Ball result(*this), by(margin);
    arb_add_error(result.ball_, by.ball_);
    return result;
  }
  Ball midpoint() const {
    Ball result;
    arb_get_mid_arb(result.ball_, ball_);
    return result;
  }
  double middle() const { return arf_get_d(arb_midref(ball_), ARF_RND_NEAR); }
  double radius() const { return mag_get_d(arb_radref(ball_)); }
  /// Upper bound of |x| for all x in the ball.
  double magnitude() const {
    mag_t bound;
    mag_init(bound);
    arb_get_mag(bound, ball_);
    const double result = mag_get_d(bound);
    mag_clear(bound);
    return result;
  }

 private:
  static Ball make(void (*operation)(arb_t, const arb_t, const arb_t, slong), const Ball& x, const Ball& y) {
    Ball result;
    operation(result.ball_, x.ball_, y.ball_, bits);
    return result;
  }
  static Ball make(void (*operation)(arb_t, const arb_t, slong), const Ball& x) {
    Ball result;
    operation(result.ball_, x.ball_, bits);
    return result;
  }

  arb_t ball_;
};

/// Upper bound of |x - number| for all x in the ball.
inline double distance(const Ball& x, double number) { return (x - Ball(number)).magnitude(); }

}  // namespace mfld::test
