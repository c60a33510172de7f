"""Lightning takes the steps of a plain loop: `configure_optimizers` returns ours, or one with penalties attached."""

import pytest

from tests.torch.battery import network, same_bits, st, states, torch
from tests.torch.loops import EPOCHS, PATTERNS, SIZE, by_hand, data, expected, installed

lightning = installed("lightning")
nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore")  # its own, on settings and devices
NAMED = {f"network.{name}": penalty for name, penalty in PATTERNS.items()}


class Net(lightning.LightningModule):
    def __init__(self, optimizer_of):
        super().__init__()
        self.network, self.optimizer_of = network(), optimizer_of

    def training_step(self, batch, index):
        return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def configure_optimizers(self):
        return self.optimizer_of(self)


def fit(module, epochs=EPOCHS, checkpoint=None):
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data()), batch_size=SIZE)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    trainer = lightning.Trainer(max_epochs=epochs, accelerator="cpu", **quiet)
    trainer.fit(module, loader, ckpt_path=checkpoint)
    return trainer


def prox_adam(module):
    return st.ProxAdam(module.parameters(), st.Penalties(module, NAMED), lr=0.01)


def test_it_takes_the_steps_of_a_plain_loop():
    module = Net(prox_adam)
    fit(module)
    assert same_bits(states(module), expected()) and (module.network[2].weight == 0).any()


@pytest.mark.parametrize("kind", ["Adam", "Adadelta", "Adafactor"])
def test_an_attached_optimizer(kind):
    """Adadelta and Adafactor keep something before the step, and Lightning has no gradient by then."""

    def attached(model, patterns):
        return st.attach(getattr(torch.optim, kind)(model.parameters(), lr=0.01), st.Penalties(model, patterns))

    module, model = Net(lambda m: attached(m, NAMED)), network()
    fit(module)
    assert same_bits(states(module), by_hand(model, attached(model, PATTERNS)))


def test_a_checkpoint_goes_on_bit_equal(tmp_path):
    fit(first := Net(prox_adam), epochs=1).save_checkpoint(tmp_path / "one.ckpt")
    resumed = Net(prox_adam)
    fit(resumed, checkpoint=tmp_path / "one.ckpt")
    assert same_bits(states(resumed), expected()) and not same_bits(states(resumed), states(first))
