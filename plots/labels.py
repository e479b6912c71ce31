"""What axes and legends call the keys of an experiment and the columns of metrics.csv: in words, and with the symbol of
the formulas. What is not in these tables is called as it is."""

import fnmatch

import words

# key: (in words, symbol)
KEYS = {
    "network.width": ("width", "$N$"),
    "network.alpha": ("output scale", r"$\alpha$"),
    "task.num_train": ("training samples", "$n$"),
    "task.input_dim": ("input dimension", "$d$"),
    "task.sparsity": ("sparsity", "$k$"),
    "task.num_teachers": ("teachers", "$m$"),
    "phase.*.step_size": ("step size", r"$\eta$"),
    "phase.*.lambda1": ("penalty", r"$\lambda_1$"),
    "phase.*.lambda2": ("temperature", r"$\lambda_2$"),
    "phase.*.batch_size": ("batch size", "$B$"),
    "phase.*.steps": ("steps of the phase", "$K$"),
}

COLUMNS = {
    "step": "step $k$",
    "time": "time $t$ (sum of step sizes)",
    "gradient_evaluations": "gradient evaluations (of one sample)",
    "seconds": "wall time (s)",
    "train_loss": "training loss $R(f)$, no penalty",
    "test_loss": "test loss $R(f)$, no penalty",
    "train_accuracy": "training accuracy (share right)",
    "test_accuracy": "test accuracy (share right)",
    "train_error": "training error (share wrong)",
    "test_error": "test error (share wrong)",
    "objective": "objective $F$",
    "gradient_norm": r"gradient norm $(\sum_j |g_j|^2 / N)^{1/2}$",
    "mmd": "squared discrepancy MMD$^2$",
    "ksd": "squared discrepancy KSD$^2$",
    "movement_mean": "mean over $j$ of $|w_j(t) - w_j(0)|$",
    "movement_max": r"$\max_j\, |w_j(t) - w_j(0)|$",
    "movement_relative": r"relative movement $|\Theta_t - \Theta_0|_F \,/\, |\Theta_0|_F$",
    "pattern_change": "share of changed activation patterns",
    "teacher_cosine_min": r"worst teacher $\min_l\, \max_j\, \cos(w_j, w^*_l)$",
    "teacher_recovered": "teachers found (cosine > 0.999)",
    "teacher_alignment": r"alignment, mean over $j$ of $|P w_j|^2 \,/\, |w_j|^2$",
    "relevant_mass": r"alignment $|W P|_F^2 \,/\, |W|_F^2$",
    "ntk_drift": r"kernel drift $|K_t - K_0|_F \,/\, |K_0|_F$",
    "linearisation_error": r"$|f_t - f_{\mathrm{lin},t}| \,/\, |f_t - f_0|$",
    "entropy": "entropy (nats)",
    "dual_gap": r"dual gap $\geq \mathcal{L}(\mu) - \mathcal{L}^*$",
    "second_moment": r"second moment, mean over $j$ of $|\theta_j|^2$",
    "mean_norm": "mean over $j$ of $|w_j|$",
}


def _of(key):
    """(in words, symbol); None where there is none."""
    return next((named for pattern, named in KEYS.items() if fnmatch.fnmatchcase(key, pattern)), None)


def key(name):
    """For an axis along the values of a key."""
    named = _of(name)
    return " ".join(named) if named else words.in_figure(name)


def column(text):
    """For an axis along a column, or an expression of columns."""
    return COLUMNS.get(text) or words.in_figure(text, 48)


def value(value):
    """A number in few digits, or a word."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else words.in_figure(str(value), 24)


def setting(name, of):
    """`width = 64`, for a title; of cases, the name alone."""
    if name == "case":
        return value(of)
    named = _of(name)
    return f"{named[0] if named else name.rsplit('.', 1)[-1]} = {value(of)}"
