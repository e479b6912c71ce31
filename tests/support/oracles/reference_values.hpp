#pragma once
// Numbers computed independently of this program with 40-digit arithmetic.
#include <array>
#include <vector>

#include "mfld/model/loss.hpp"
#include "mfld/model/neuron.hpp"

namespace mfld::reference {

// ---- Three neurons on three samples
// f = (1/3) sum_j h_j; F = (1/3) sum_i l(f(x_i), y_i) + (lambda1 / 3) sum_j |theta_j|^2 with lambda1 = 0.01;
// gradient_j = (1/3) sum_i l'(f(x_i)) grad h_j(x_i) + 2 lambda1 theta_j. Parameters (r, w_1, w_2), no bias, R = 1.
// Entries are given to 20 digits, or to 13 where the gradient has fewer.

inline constexpr double tiny_inputs[3][2] = {{0.6, -0.8}, {-1, 0.5}, {0.3, 1.2}};
inline constexpr double tiny_regression_targets[3] = {0.7, -0.4, 1.1};
inline constexpr double tiny_class_targets[3] = {1, -1, 1};
inline constexpr double tiny_particles[3][3] = {{0.5, 1, -0.3}, {-1.2, 0.4, 0.9}, {0.8, -0.7, 0.25}};
inline constexpr double tiny_lambda1 = 0.01;

struct TinyNetwork {
  NeuronKind kind;
  Activation activation;
  LossKind loss;
  double outputs[3];
  double objective;
  double gradient[3][3];
};

inline const std::vector<TinyNetwork> tiny_networks = {
    {NeuronKind::r_sigma,
     Activation::relu,
     LossKind::squared,
     {0.14, 0.2, -0.456},
     0.53226433333333333333,
     {{-0.1468, -0.036, 0.068666666666666666667}, {-0.6364, 0.43472, 0.64488}, {0.13432, -0.29848, -0.41292}}},
    {NeuronKind::r_sigma,
     Activation::relu,
     LossKind::logistic,
     {0.14, 0.2, -0.456},
     0.80669203696056929447,
     {{-0.12021597535569994198, -0.026505705484178550705, 0.056007607312238067607},
      {-0.25966203487121659622, 0.30138137937291853183, 0.20182432232921389192},
      {0.14884240414894958275, -0.20958758624861235455, -0.11754954821947592794}}},
    {NeuronKind::r_sigma,
     Activation::tanh,
     LossKind::squared,
     {0.14583148019418843943, 0.024466197247621263065, -0.31951445079380999158},
     0.43352426282701211474,
     {{-0.20403131589213504002, -0.10350931147672604465, -0.2380286941930464676},
      {-0.32896165307372642163, 0.33583597358192474204, -0.00087164502104354060109},
      {0.17123364072920114265, -0.24957366845896060486, -0.33267541963219005952}}},
    {NeuronKind::r_sigma,
     Activation::tanh,
     LossKind::logistic,
     {0.14583148019418843943, 0.024466197247621263065, -0.31951445079380999158},
     0.74779307263600753548,
     {{-0.22237117380503164668, -0.061356169568354229095, -0.074712161140914302274},
      {-0.10756381658334964574, 0.32025044546997488706, -0.11698116700433528067},
      {0.19818496182784893851, -0.18457278635448271929, -0.073509216116072031272}}},
    {NeuronKind::r_sigma,
     Activation::erf,
     LossKind::squared,
     {0.163447263680746, 0.0298783115558263, -0.348387698646838},
     0.444893521198208611,
     {{-0.2226071115235, -0.1128624299405, -0.2810574581657},
      {-0.3655009219482, 0.3634110687117, -0.04677687584519},
      {0.1863110850697, -0.2751366061518, -0.3930821083017}}},
    {NeuronKind::r_sigma,
     Activation::erf,
     LossKind::logistic,
     {0.163447263680746, 0.0298783115558263, -0.348387698646838},
     0.751606267292583222,
     {{-0.2454963901204, -0.06397474611128, -0.09098828434311},
      {-0.1153886676268, 0.3540540604236, -0.1527059223346},
      {0.2190231496706, -0.2002526948511, -0.09104604870544}}},
    {NeuronKind::r_sigma,
     Activation::sigmoid,
     LossKind::squared,
     {0.0567850729551022, 0.0204950004074815, -0.0872465437250287},
     0.349824307221347926,
     {{-0.2979862367575, -0.02117493792977, -0.0408460393128},
      {-0.3382653576253, 0.1118203784707, 0.04976310535625},
      {-0.1683113932943, -0.08485938018316, -0.04670118919087}}},
    {NeuronKind::r_sigma,
     Activation::sigmoid,
     LossKind::logistic,
     {0.0567850729551022, 0.0204950004074815, -0.0872465437250287},
     0.718583829732283267,
     {{-0.1469724176959, -0.01212542151536, -0.01073562558639},
      {-0.1332803337294, 0.0971517221552, 0.0006063254452338},
      {-0.01444905654018, -0.07063050151852, 0.001180329424218}}},
    {NeuronKind::r_sigma,
     Activation::softplus,
     LossKind::squared,
     {0.121927498592955, 0.0753740145595041, -0.277604311015693},
     0.426131984721739874,
     {{-0.4821472681176, -0.0728372779922, -0.07626686455253},
      {-0.6749100625234, 0.2855306106397, 0.4067512558702},
      {-0.2180520394561, -0.192074292342, -0.1381228269659}}},
    {NeuronKind::r_sigma,
     Activation::softplus,
     LossKind::logistic,
     {0.121927498592955, 0.0753740145595041, -0.277604311015693},
     0.752187109100795996,
     {{-0.2559248145699, -0.04738989592489, -0.00706255469362},
      {-0.2526529850769, 0.209908913478, 0.1172676235351},
      {0.01397389517545, -0.160258883525, -0.006989675883527}}},
    {NeuronKind::bounded_r,
     Activation::tanh,
     LossKind::squared,
     {0.10765596657317870231, 0.010175339299933037742, -0.22102377971518712755},
     0.3938448482465282707,
     {{-0.16367151833409129821, -0.090756033966803936325, -0.20018143395580714296},
      {-0.10701181487431893622, 0.2343834529679412436, -0.0099441754085119924975},
      {0.10654732076156382238, -0.20486946798717298418, -0.24548465242930392248}}},
    {NeuronKind::bounded_r,
     Activation::tanh,
     LossKind::logistic,
     {0.10765596657317870231, 0.010175339299933037742, -0.22102377971518712755},
     0.73273104552164635101,
     {{-0.17407063726284777627, -0.054362082800676292088, -0.064524451591036354294},
      {-0.047026528393363017097, 0.22458848769245798085, -0.079429042796946435503},
      {0.11878080524277164143, -0.15444241431443018937, -0.052838881982119275263}}},
};

// Two parity neurons on the same inputs, R = 15, logistic loss, lambda1 = 0.01. Parameters (r, w_1, w_2, b).

inline constexpr double parity_bound = 15;
inline constexpr double parity_particles[2][4] = {{0.2, 0.4, -0.3, 0.1}, {-0.1, -0.2, 0.5, -0.6}};

struct ParityNetwork {
  NeuronKind kind;
  double outputs[3];
  double objective;
  double gradient[2][4];
};

inline const std::vector<ParityNetwork> parity_networks = {
    {NeuronKind::parity,
     {-0.22372208923224275234, -0.93842346918357383498, -0.0090147505192629152476},
     0.61783826863380169802,
     {{-2.4842465350548258531, -1.0274320161596423775, -0.25991395237223514262, -1.1067793567761393428},
      {-2.565391087953640334, -0.90582353526119240919, -0.50402554014608190747, -0.70992438081994099924}}},
    {NeuronKind::parity_unbounded,
     {-0.69338807584797550566, -1.7654401457749721296, -0.37132706777850575002},
     0.72235807360743119185,
     {{-2.7769737357423894919, -1.4543843050135917839, -0.62769100911520960339, -2.360034760303634151},
      {-2.7829737357423894919, -1.1512798935854451547, -1.1165596766240254868, -1.7087242519918526795}}},
};

// ---- No data: theta <- (1 - 2 eta lambda1) theta + sqrt(2 eta lambda2) xi
// Stationary variance lambda2 / (2 lambda1 (1 - eta lambda1)), and the variance after ten steps from variance 1.

struct OrnsteinUhlenbeck {
  double lambda1, lambda2, step_size, stationary_variance, variance_after_ten;
};

inline const std::vector<OrnsteinUhlenbeck> ornstein_uhlenbeck = {
    {0.5, 1.0, 0.01, 1.0050251256281407035, 1.0009150405145867795},
    {0.5, 1.0, 0.1, 1.0526315789473684211, 1.0462328076531279322},
    {0.5, 1.0, 1.0, 2, 2},
    {0.1, 0.01, 0.2, 0.051020408163265306122, 0.47047169745698896988},
    {0.01, 0.01, 0.01, 0.50005000500050005001, 0.99800399508429317521},
    {0.001, 0.0001, 1.0, 0.05005005005005005005, 0.96271537359159086023},
    {0.25, 0.004, 0.2, 0.0084210526315789473684, 0.12897390381506975716},
};

// ---- Linear neurons, squared loss: a linear-quadratic mean field
// h = w.x, l = (u - y)^2 / 2, A = X'X / n, b = X'y / n, S = A + 2 lambda1 I; lambda1 = 0.1, lambda2 = 0.05, eta = 0.2,
// N = 4. Covariances are (11, 12, 22), stationary for this step size and this N.

inline constexpr double quadratic_inputs[3][2] = {{1, 0.5}, {-0.5, 1}, {0.25, -1.5}};
inline constexpr double quadratic_targets[3] = {1, -0.5, 2};
inline constexpr double quadratic_lambda1 = 0.1;
inline constexpr double quadratic_lambda2 = 0.05;
inline constexpr double quadratic_step_size = 0.2;
inline constexpr int quadratic_width = 4;
inline constexpr double quadratic_start[2] = {0.3, -0.2};
inline constexpr double quadratic_optimum[2] = {0.78565051538024510997, -0.65984903822741660579};
inline constexpr double quadratic_mean_covariance[3] = {0.02130128348038338863, 0.0018068159435841672856,
                                                        0.01076152380947574613};
inline constexpr double quadratic_particle_covariance[3] = {0.21262781409262828659, 0.0018068159435841672856,
                                                            0.20208805442172064409};
inline constexpr double quadratic_objective = 0.36811036007573513036;  // E F at the stationary law

/// E of the particle mean after `steps` steps from quadratic_start, for every N.
struct QuadraticMean {
  int steps;
  double mean[2];
};

inline constexpr std::array<QuadraticMean, 3> quadratic_means = {{
    {1, {0.37341666666666666667, -0.33783333333333333333}},
    {10, {0.6755479859516291603, -0.65723866233297784189}},
    {100, {0.78564975104651024335, -0.65984916561636827867}},
}};

/// Covariance of one sample's gradient x (x.m - y) at the optimum, over the three samples (11, 12, 22).
inline constexpr double quadratic_gradient_covariance[3] = {0.11330670344203599884, -0.063585967003994235024,
                                                            0.6058061375866397835};

// ---- One-dimensional nonlinear mean field
// h = tanh(w x), data (1, 0.8), (-0.5, 0.3), l = (u - y)^2 / 2, lambda1 = lambda2 = 0.1. Means over the stationary law
// of N particles in continuous time, exp(-N F / lambda2): quadrature in one and two dimensions; for N = 16 the two
// squares are written as Gaussian integrals, so that the particles separate and two dimensions remain (in double
// precision; it gives N = 1 and 2 to 13 digits).

inline constexpr double line_inputs[2] = {1, -0.5};
inline constexpr double line_targets[2] = {0.8, 0.3};
inline constexpr double line_lambda = 0.1;

struct LineStationary {
  int width;  // N
  double outputs[2], second_moment;
};

inline constexpr std::array<LineStationary, 3> line_stationary = {{
    {1, {0.35773029744039683161, -0.20221576765805026032}, 0.34255833409685025847},
    {2, {0.312875711368512946, -0.18320329536932897943}, 0.4466834512699609004},
    {16, {0.29015129576983, -0.17249160815243}, 0.54406767172599},
}};

/// f and E w^2 at the optimum of the mean field, N = infinity.
inline constexpr double line_optimum[2] = {0.28759502311011047618, -0.17125586311636232783};
inline constexpr double line_second_moment = 0.55627557695285803726;

/// L at the optimum; -D of the dual variables 0; L and the gap lambda2 KL(mu | p_mu) of the prior mu = N(0, 1/2).
inline constexpr double line_minimum = 0.079911340498841411810;
inline constexpr double line_bound_at_zero = -0.05723649429247000870;
inline constexpr double line_prior_energy = 0.12526350570752999129;
inline constexpr double line_prior_gap = 0.10705375844593895108;

// ---- Objectives over pairs of particles
// Three particles and two points of the plane; kernels exp(-|a - b|^2 / 2), and smoothing with N(0, 0.25 I).

inline constexpr double pair_particles[3][2] = {{0.2, -0.4}, {1, 0.3}, {-0.7, 0.9}};
inline constexpr double pair_points[2][2] = {{0.5, 0.5}, {-0.5, 0.1}};
inline constexpr double pair_smoothing = 0.5;

/// MMD^2 of the smoothed particles from the points, and N dR / dtheta_j.
inline constexpr double pair_mmd = 0.146029899488871156820675056483;
inline constexpr double pair_mmd_gradient[3][2] = {
    {0.246011776229485760190570767828, -0.330161245509948271169808719776},
    {0.335935721839358600129154026752, -0.144905813664456395783986916421},
    {-0.216098783280758377149176093746, 0.297483819677981100119139977353}};

/// The squared kernel Stein discrepancy from N(0, I), diagonal included, and N dR / dtheta_j.
inline constexpr double pair_ksd = 0.493145294625844599660701706521;
inline constexpr double pair_ksd_gradient[3][2] = {
    {1.45052549257291033875556868333, 1.15625700772681333103751187447},
    {-0.299838262189760405434928166545, -0.919863532141896681579522059357},
    {-0.41878504355634211858295567226, 0.512080120414665926407637634094}};

/// f of the outer iterations of dual averaging with exact inner draws, from the prior at t = 1.
struct LineIterate {
  int t;
  double outputs[2];
};

inline constexpr std::array<LineIterate, 10> line_dual_averaging = {{
    {2, {0.41503895319826155503, -0.28498279048062234505}},
    {3, {0.19344477542357544059, -0.12249612810590256834}},
    {4, {0.27799843333740978944, -0.17476388061845885399}},
    {5, {0.27316724224303587512, -0.16953455530382039424}},
    {6, {0.27514941247153936165, -0.16948542423436325171}},
    {11, {0.2807702998560782041, -0.17019747090918433331}},
    {21, {0.28403065080735627036, -0.17069000677407240488}},
    {51, {0.2861298145092756810, -0.17102000442895887516}},
    {101, {0.28685553428172785716, -0.17113626342804184866}},
    {201, {0.28722352593355675515, -0.17119563728287323436}},
}};

struct LineAscent {
  int coordinates;
  double dual[2], bound;
};

/// g and -D(g) of infinitely many particles, moved in coordinate 1, 2, 1, 2, ... from g = 0.
inline constexpr std::array<LineAscent, 8> line_dual_ascent = {{
    {1, {-0.13333333333333333333, 0.0}, -0.01436093159174174190},
    {2, {-0.13333333333333333333, -0.06801839407636438728}, -0.00219921310285561309},
    {3, {-0.22366992920180462221, -0.06801839407636438728}, 0.01761740360242927699},
    {4, {-0.22366992920180462221, -0.13078428455599483622}, 0.02799596584773431834},
    {10, {-0.37055568727510121552, -0.27396855885359009796}, 0.06495481475001789297},
    {20, {-0.46212640600367597466, -0.39530026230838693780}, 0.07782262295820179500},
    {40, {-0.50532990925795003523, -0.46033887972906428623}, 0.07986877356730602978},
    {60, {-0.51139322886000366470, -0.46969319378075772979}, 0.07991046886065354599},
}};

}  // namespace mfld::reference
