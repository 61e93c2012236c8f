"""Attention between layers: both forms are one function, and weights are shares."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import grad

from osteon.networks.dense_attention import AttentionOptions, DenseBlock, LayerAttention

KINDS = {
    "merge": ["concat", "sum"],
    "proj": ["conv", "identity"],
    "score": ["qw", "qwT"],
    "reduce": ["mean", "sum"],
    "scale": ["sqrt_n", "none", "n", "learned"],
    "pool": [1, 2],
    "on_transition": [False, True],
}
options_ = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in KINDS.items()})


def block(form: str = "trace", side: int = 6, layers: int = 3, **options) -> DenseBlock:
    torch.manual_seed(0)
    attention = AttentionOptions(form=form, **options)
    return DenseBlock(4, 4, layers, side, bn_size=2, dropout=0.0, attention=attention).double()


def shake(module: torch.nn.Module) -> None:
    """Leave the symmetric start, where p is flat and Q and W are the map itself."""
    torch.manual_seed(1)
    with torch.no_grad():
        for value in module.parameters():
            value.add_(torch.randn_like(value) * 0.3)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 5),
    st.sampled_from(["qw", "qwT"]),
    st.sampled_from(["mean", "sum"]),
    st.sampled_from(["sqrt_n", "none", "n", "learned"]),
    st.booleans(),
)
def test_both_forms_give_equal_scores_and_gradients(
    batch, channels, side, configured, layers, score, reduce, scale, last
) -> None:
    torch.manual_seed(0)
    shape = (batch, channels, side, side)
    inputs = [torch.randn(shape, dtype=torch.float64) for _ in range(layers + 1)]
    if last:
        inputs = [given.contiguous(memory_format=torch.channels_last) for given in inputs]
    inputs = [given.requires_grad_() for given in inputs]
    p = torch.randn(configured, configured, dtype=torch.float64)
    found = []
    for form in ("trace", "literal"):
        options = AttentionOptions(form=form, score=score, reduce=reduce, scale=scale)
        attention = LayerAttention(configured, options).double()
        with torch.no_grad():
            attention.p.copy_(p)
        scores = attention.scores(inputs[1:], inputs[0])
        assert scores.shape == (batch, layers)
        parameters = list(attention.parameters())
        found.append([scores, *grad(scores.square().sum(), inputs + parameters)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@settings(deadline=None, max_examples=40)
@given(options_, st.integers(1, 5), st.sampled_from([4, 6, 7]), st.sampled_from([4, 6]))
def test_both_forms_give_equal_blocks(options, layers, side, configured) -> None:
    image = torch.randn(2, 4, side, side, dtype=torch.float64)
    blocks = [block(form, configured, layers, **options) for form in ("trace", "literal")]
    found = []
    for one in blocks:
        shake(one)
        output, weights = one(image)
        output.square().sum().backward()
        gradients = [v.grad for v in one.parameters() if v.grad is not None and v.grad.any()]
        found.append([output, *weights, *gradients])
    assert len(found[0]) == len(found[1])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("score", ["qw", "qwT"])
def test_a_score_is_the_pooled_product(score: str) -> None:
    query, value = torch.randn(2, 1, 3, 5, 5, dtype=torch.float64).unbind(0)
    attention = LayerAttention(5, AttentionOptions(score=score)).double()
    with torch.no_grad():
        attention.p.copy_(torch.rand(5, 5))
    total = 0.0
    for channel in range(3):
        q, w = query[0, channel], value[0, channel]
        product = q @ (w if score == "qw" else w.T)
        total += float((product * attention.p.detach()).sum())
    wanted = total / 3 / 5**0.5
    assert attention.scores([value], query).item() == pytest.approx(wanted, rel=1e-12)


def test_at_first_values_queries_and_maps_are_equal_and_p_is_the_mean() -> None:
    one, image = block(side=6), torch.randn(2, 4, 6, 6, dtype=torch.float64)
    for projection in [*one.value, *one.query]:
        assert torch.equal(projection(image), image)
    assert one.attention.p.unique().tolist() == pytest.approx([1 / 36])


@settings(deadline=None, max_examples=30)
@given(options_, st.integers(1, 5))
def test_weights_of_a_layer_are_shares_and_the_first_is_1(options, layers) -> None:
    one = block(side=6, layers=layers, **options)
    shake(one)
    output, weights = one(torch.randn(3, 4, 6, 6, dtype=torch.float64))
    assert output.shape == (3, 4 * (layers + 1), 6, 6)
    lengths = list(range(1, layers + 1 + options["on_transition"]))
    assert [weight.shape for weight in weights] == [(3, length) for length in lengths]
    assert torch.equal(weights[0], torch.ones_like(weights[0]))
    for weight in weights:
        assert (weight >= 0).all()
        torch.testing.assert_close(weight.sum(1), torch.ones(3, dtype=torch.float64))


def test_a_layer_reads_the_weighted_values() -> None:
    one, seen = block(layers=2), []
    shake(one)
    one.layers[1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    image = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    output, weights = one(image)
    values = [one.value[0](image), one.value[1](output[:, 4:8])]
    wanted = [weights[1][:, i, None, None, None] * value for i, value in enumerate(values)]
    torch.testing.assert_close(seen[0], torch.cat(wanted, dim=1))


def test_on_transition_weighs_the_output_but_no_layer() -> None:
    image = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    plain, weighed = block(), block(on_transition=True)
    weighed.load_state_dict(plain.state_dict(), strict=False)
    (maps, _), (output, weights) = plain(image), weighed(image)
    factors = weights[-1].repeat_interleave(4, dim=1)[:, :, None, None]
    torch.testing.assert_close(output, maps * factors)


@given(st.integers(1, 12), st.integers(1, 12))
@settings(deadline=None)
def test_at_another_size_p_keeps_its_sum(configured: int, side: int) -> None:
    attention = LayerAttention(configured, AttentionOptions()).double()
    flat = attention.pooling(side)
    torch.testing.assert_close(flat, torch.full_like(flat, 1 / side**2))
    with torch.no_grad():
        attention.p.copy_(torch.randn(configured, configured))
    found = attention.pooling(side)
    assert found.shape == (side, side)
    torch.testing.assert_close(found.sum(), attention.p.sum())


@pytest.mark.parametrize(("form", "maps"), [("trace", 5 + 2), ("literal", 5 + 1 + 5)])
def test_what_a_layer_holds_for_the_backward_pass(form: str, maps: int) -> None:
    """Five values and the query; the trace form adds one product, the literal one five."""
    held = set()

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        held.add((tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes()))
        return tensor

    attention = LayerAttention(8, AttentionOptions(form=form))
    inputs = torch.randn(6, 2, 4, 8, 8).unbind(0)
    query, *values = [given.clone().requires_grad_() for given in inputs]
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        scores = attention.scores(values, query)
    assert scores.requires_grad
    assert sum(size == query.numel() * 4 for _, size in held) == maps


def test_without_attention_it_is_a_plain_dense_block() -> None:
    torch.manual_seed(0)
    one = DenseBlock(3, 4, 2, 6, dropout=0.0)
    image = torch.randn(2, 3, 6, 8)
    output, weights = one(image)
    first = one.layers[0](image)
    second = one.layers[1](torch.cat([image, first], dim=1))
    torch.testing.assert_close(output, torch.cat([image, first, second], dim=1))
    assert weights == []


def test_half_precision_scores_are_single() -> None:
    attention = LayerAttention(8, AttentionOptions())
    query = torch.randn(2, 4, 8, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        scores = attention.scores([query, query], query)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, attention.scores([query.float()] * 2, query.float()))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: AttentionOptions(form="both"), "form is 'both'; allowed are trace, literal"),
        (lambda: AttentionOptions(scale="sqrt"), "scale is 'sqrt'; allowed are sqrt_n, none, n"),
        (lambda: AttentionOptions(pool=0), "pool is 0; it must be 1 or more"),
        (lambda: LayerAttention(2, AttentionOptions(pool=4)), "pool is 4; the maps have 2 pixels"),
        (
            lambda: DenseBlock(3, 4, 2, 6, attention=AttentionOptions(proj="identity")),
            "'identity' with 3 channels into the block and growth 4",
        ),
        (
            lambda: LayerAttention(4, AttentionOptions()).scores(
                [torch.rand(1, 2, 4, 6)] * 2, torch.rand(1, 2, 4, 6)
            ),
            r"maps of \(4, 6\) pixels; they must be square",
        ),
    ],
)
def test_wrong_arguments_are_named(call, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()
