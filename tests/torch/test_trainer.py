"""Hugging Face's Trainer takes the steps of a plain loop: `optimizers=(ours, scheduler or None)`."""

import copy

import numpy as np
import pytest

import shrinkage as sh
from tests.torch.battery import same_bits, st, states, torch
from tests.torch.loops import installed

installed("accelerate")
transformers = installed("transformers")
nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore")  # its own, on settings and devices


@pytest.fixture
def tiny():
    """A classifier of token sequences with random weights: nothing is downloaded."""
    config = transformers.DistilBertConfig(
        vocab_size=30, max_position_embeddings=8, dim=16, hidden_dim=32, n_layers=1, n_heads=2, num_labels=3, pad_token_id=0,
        dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.DistilBertForSequenceClassification(config).double()


TINY = {"*.lin1.weight": st.Groups(sh.L1(1e-3), "rows"), "*embeddings*": sh.L1(1e-3), "classifier.weight": sh.L1(1e-2)}


def sentences():
    made = np.random.default_rng(0)
    return [{"input_ids": torch.from_numpy(made.integers(1, 30, 6)), "labels": int(made.integers(3))} for _ in range(16)]


def hugging_face(model, folder, optimizer, epochs=6, size=16, callbacks=(), resume=None, **settings):
    arguments = transformers.TrainingArguments(
        str(folder), num_train_epochs=epochs, per_device_train_batch_size=size, use_cpu=True, report_to="none", seed=0,
        disable_tqdm=True, save_strategy="epoch", logging_strategy="no", lr_scheduler_type="constant", **settings,
    )  # fmt: skip
    trainer = transformers.Trainer(
        model, arguments, train_dataset=sentences(), optimizers=(optimizer, None), callbacks=list(callbacks)
    )
    trainer.train(resume_from_checkpoint=resume)


def tiny_by_hand(model, optimizer, schedule, epochs=6):
    batch = torch.utils.data.default_collate(sentences())
    for _ in range(epochs):
        optimizer.zero_grad()
        model(**batch).loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("accumulated", [1, 4])
def test_the_trainer_takes_the_steps_of_a_plain_loop(tiny, tmp_path, accumulated):
    """Its clipping, its accumulation of gradients, and a strength that rises by a callback."""

    class Strength(transformers.TrainerCallback):
        def on_optimizer_step(self, args, state, control, **others):
            schedule.step()

    plain = copy.deepcopy(tiny)
    penalties = st.Penalties(plain, TINY)
    tiny_by_hand(plain, st.ProxAdam(plain.parameters(), penalties, lr=0.01), st.StrengthSchedule(penalties, st.Ramp(5)))
    penalties = st.Penalties(tiny, TINY)
    optimizer, schedule = st.ProxAdam(tiny.parameters(), penalties, lr=0.01), st.StrengthSchedule(penalties, st.Ramp(5))
    tiny.accepts_loss_kwargs = False  # else the Trainer leaves the mean over accumulated batches to a loss that knows of none
    settings = {"size": 16 // accumulated, "gradient_accumulation_steps": accumulated, "max_grad_norm": 0.5}
    hugging_face(tiny, tmp_path, optimizer, callbacks=[Strength()], **settings)
    for a, b in zip(states(tiny), states(plain), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)
    assert st.sparsity(tiny, penalties).share > 0.1


def test_the_trainer_resumes_bit_equal(tiny, tmp_path):
    models = tiny, copy.deepcopy(tiny)
    for model, resume in zip(models, (None, str(tmp_path / "checkpoint-8")), strict=True):
        optimizer = st.ProxAdam(model.parameters(), st.Penalties(model, TINY), lr=0.01)
        hugging_face(model, tmp_path, optimizer, epochs=4, size=4, resume=resume)
    assert same_bits(states(models[0]), states(models[1])) and st.sparsity(tiny).share > 0.1
