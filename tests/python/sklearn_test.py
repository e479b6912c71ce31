#!/usr/bin/env python3
"""The estimators of scikit-learn: its own checks, and that they learn."""
import importlib.util
import pickle
import unittest

import numpy as np

import package


@unittest.skipIf(importlib.util.find_spec("sklearn") is None, "scikit-learn is not installed (sims/setup tests)")
class Estimators(package.PackageTest):
    def estimators(self, **keys):
        from mfld.sklearn import MeanFieldClassifier, MeanFieldRegressor

        return MeanFieldRegressor(**keys), MeanFieldClassifier(**keys)

    def test_pass_the_checks_of_scikit_learn(self):
        from sklearn.utils.estimator_checks import check_estimator

        for estimator in self.estimators():
            with self.subTest(type(estimator).__name__):
                check_estimator(estimator)

    def test_learn(self):
        random = np.random.default_rng(1)
        X = random.normal(size=(400, 3))
        y = np.tanh(2 * X[:, 0]) - X[:, 1]
        regressor, classifier = self.estimators(random_state=1)
        self.assertGreater(regressor.fit(X[:300], 100 + 5 * y[:300]).score(X[300:], 100 + 5 * y[300:]), 0.97)
        classes = np.array(["low", "middle", "high"])[np.digitize(y, [-0.7, 0.7])]
        self.assertGreater(classifier.fit(X[:300], classes[:300]).score(X[300:], classes[300:]), 0.85)
        np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1, rtol=1e-12)

    def test_are_the_same_for_a_seed_and_survive_pickle(self):
        X, y = package.arrays()
        one, _ = self.estimators(random_state=3, steps=50, threads=1)
        other, _ = self.estimators(random_state=3, steps=50, threads=2)
        one.fit(X, y), other.fit(X, y)
        self.assert_bits(one.particles_, other.particles_)
        self.assert_bits(pickle.loads(pickle.dumps(one)).predict(X), other.predict(X))

    def test_other_methods_and_refusals(self):
        X, y = package.arrays()
        for keys in ({"method": "gd", "lambda2": None}, {"method": "sgd-mfld", "batch_size": 8, "precision": "single"}):
            regressor, _ = self.estimators(steps=20, random_state=0, **keys)
            self.assertEqual(regressor.fit(X, y).predict(X).shape, (40,))
        regressor, _ = self.estimators(activation="rleu")
        self.assert_refused(ValueError, lambda: regressor.fit(X, y), "network.activation", "relu")
        with self.assertRaisesRegex(ValueError, "NaN"):
            regressor.fit(np.full_like(X, np.nan), y)


if __name__ == "__main__":
    unittest.main()
