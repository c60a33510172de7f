"""Which measurements of a biopsy does a network need? From all thirty to none, and the fewest that do as well.

python examples/torch_select.py
"""

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import shrinkage.torch as st

data = load_breast_cancer(as_frame=True)
X, X_test, y, y_test = train_test_split(data.data, data.target, stratify=data.target, random_state=0)

model = st.SparseNetClassifier(random_state=0).fit(X, y)

print("strength  features  accuracy (validation rows)")
for step in model.path_:
    print(f"{step.strength:8.3g}  {len(step.features):8}  {step.score:.3f}{'  <- chosen' * (step.strength == model.strength_)}")
print(f"\n{len(model.selected_features_)} of {X.shape[1]} features: {', '.join(model.selected_features_)}")
print(f"accuracy on the {len(y_test)} held-out biopsies: {model.score(X_test, y_test):.3f}")
