"""L1 on a network in three lines: most weights become exactly zero, and the certificate says how near the optimum it is.

python examples/torch_l1.py
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

import shrinkage as sh
import shrinkage.torch as st

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
X, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
order = torch.randperm(len(y))
train, test = order[:1347], order[1347:]
X = X - X[train].mean(0)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loss = nn.CrossEntropyLoss()

# The three lines: what is penalised, the optimizer, and (in place of "loss + strength * sum of |w|") nothing in the loop.
penalties = st.Penalties(model, {"*.weight": sh.L1(1e-3)})
optimizer = st.ProxAdam(model.parameters(), penalties, lr=3e-3)
print(penalties)

epochs, size = 100, 64
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
with st.Monitor(model, penalties, loss, (X[train], y[train])) as monitor:
    for epoch in range(1, epochs + 1):
        for batch in train[torch.randperm(len(train))].split(size):
            optimizer.zero_grad()
            loss(model(X[batch]), y[batch]).backward()
            optimizer.step()
        schedule.step()
        if epoch % 10 == 0:
            monitor.record(epoch)

print(st.sparsity(model, penalties))
print(st.certificate(model, penalties, loss, (X[train], y[train])))
print(f"accuracy on the {len(test)} held-out images: {(model(X[test]).argmax(1) == y[test]).float().mean():.3f}")
