"""Estimators of scikit-learn: a two-layer network in the mean-field scaling, trained by (noisy) gradient descent.

    from mfld.sklearn import MeanFieldRegressor

    MeanFieldRegressor(width=500, lambda2=1e-4, random_state=1).fit(X, y).predict(X_test)
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from ._simulation import Simulation

__all__ = ["MeanFieldClassifier", "MeanFieldRegressor"]


class _MeanField(BaseEstimator):
    """What both have: f(x) = (1/N) sum_j h_j(x), of standardised inputs."""

    def __init__(self, width=200, *, neuron="r-sigma", activation="tanh", method="mfld", steps=1000, step_size=0.5,
                 lambda1=1e-4, lambda2=1e-5, batch_size=None, precision="double", standardise=True, random_state=None,
                 threads=None):
        self.width = width
        self.neuron = neuron
        self.activation = activation
        self.method = method
        self.steps = steps
        self.step_size = step_size
        self.lambda1 = lambda1
        self.lambda2 = lambda2
        self.batch_size = batch_size
        self.precision = precision
        self.standardise = standardise
        self.random_state = random_state
        self.threads = threads

    def _checked(self, X, **how):
        if hasattr(self, "_validate_data"):  # until version 1.6 of scikit-learn
            return self._validate_data(X, dtype=np.float64, **how)
        from sklearn.utils.validation import validate_data

        return validate_data(self, X, dtype=np.float64, **how)

    def _start(self, X):
        """Takes the measure of the inputs; the seed."""
        self.mean_ = X.mean(axis=0) if self.standardise else np.zeros(X.shape[1])
        scale = X.std(axis=0) if self.standardise else np.ones(X.shape[1])
        self.scale_ = np.where(scale > 0, scale, 1.0)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _network(self, **keys):
        return {"width": self.width, "neuron": self.neuron, "activation": self.activation, "scaling": "mean-field",
                "precision": self.precision, **keys}

    def _trained(self, X, targets, seed, loss):
        """The particles [N, p] that make these targets of the standardised inputs."""
        phase = {"method": self.method, "steps": self.steps, "step_size": self.step_size, "lambda1": self.lambda1}
        if self.lambda2 is not None:
            phase["lambda2"] = self.lambda2
        if self.batch_size is not None:
            phase["batch_size"] = min(self.batch_size, len(X))
        sim = Simulation({"seed": seed, "task": {"kind": "arrays", "train_inputs": X, "train_targets": targets},
                          "network": self._network(init={"symmetric": False}), "loss": {"kind": loss}, "phase": [phase],
                          "observe": {"at": [], "columns": ["train_loss"]}}, threads=self.threads)
        sim.run()
        return np.array(sim.particles, dtype=np.float64)

    def _outputs(self, X, particles):
        """f at the inputs, [n]."""
        here = {"kind": "arrays", "train_inputs": np.zeros((1, len(self.mean_))), "train_targets": np.zeros(1)}
        sim = Simulation({"seed": 0, "task": here, "network": self._network(init={"particles": particles}),
                          "phase": [{"method": "gd", "steps": 0, "step_size": 1.0}],
                          "observe": {"at": [], "columns": ["train_loss"]}}, threads=self.threads)
        return sim.outputs((X - self.mean_) / self.scale_)


class MeanFieldRegressor(RegressorMixin, _MeanField):
    """Regression with the squared loss.

    Parameters
    ----------
    width : neurons N
    neuron, activation : rows of `mfld list neurons` and `mfld list activations`
    method, steps, step_size, lambda1, lambda2, batch_size : the phase of the training (sims/README.md); lambda2 and
        batch_size None where the method has none
    precision : "double" or "single"
    standardise : whether inputs and targets are brought to mean 0 and variance 1 for the training
    random_state : None, an integer or a RandomState: seed of first particles, batches and noise
    threads : None for all; the result does not depend on it

    Attributes
    ----------
    particles_ : [N, p], r, w and b of each neuron, for standardised inputs
    n_features_in_ : d
    """

    def fit(self, X, y):
        """Train on X [n, d] and y [n]."""
        X, y = self._checked(X, y=y, y_numeric=True)
        seed = self._start(X)
        targets = np.asarray(y, dtype=np.float64)
        self.target_mean_ = float(targets.mean()) if self.standardise else 0.0
        self.target_scale_ = (float(targets.std()) if self.standardise else 1.0) or 1.0
        self.particles_ = self._trained((X - self.mean_) / self.scale_, (targets - self.target_mean_) / self.target_scale_,
                                        seed, "squared")
        return self

    def predict(self, X):
        """The outputs at X [n, d]: [n]."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        return self._outputs(X, self.particles_) * self.target_scale_ + self.target_mean_


class MeanFieldClassifier(ClassifierMixin, _MeanField):
    """Classification with the logistic loss; of more than two classes, one network a class against the others.

    Parameters are those of MeanFieldRegressor.

    Attributes
    ----------
    classes_ : the classes, in order
    particles_ : [K, N, p], of K networks; one where there are two classes
    n_features_in_ : d
    """

    def fit(self, X, y):
        """Train on X [n, d] and the classes y [n]."""
        X, y = self._checked(X, y=y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"MeanFieldClassifier needs more than one class, and y has only one class: {self.classes_[0]!r}")
        seed = self._start(X)
        inputs = (X - self.mean_) / self.scale_
        positive = [1] if len(self.classes_) == 2 else range(len(self.classes_))
        self.particles_ = np.array([self._trained(inputs, np.where(labels == label, 1.0, -1.0), seed, "logistic")
                                    for label in positive])
        return self

    def decision_function(self, X):
        """The outputs at X: [n] for two classes, positive for the second; else [n, K]."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        outputs = np.array([self._outputs(X, particles) for particles in self.particles_])
        return outputs[0] if len(outputs) == 1 else outputs.T

    def predict_proba(self, X):
        """The probabilities of the classes [n, K]: 1 / (1 + exp(-f)), made to sum to 1 where there are more than two."""
        outputs = self.decision_function(X)
        chances = 0.5 * (1 + np.tanh(outputs / 2))
        if chances.ndim == 1:
            return np.column_stack([1 - chances, chances])
        return chances / np.maximum(chances.sum(axis=1, keepdims=True), np.finfo(float).tiny)

    def predict(self, X):
        """The class at each row of X."""
        outputs = self.decision_function(X)
        return self.classes_[(outputs > 0).astype(int) if outputs.ndim == 1 else outputs.argmax(axis=1)]
