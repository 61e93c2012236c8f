"""LateFusion and its backbone: shapes, parameter counts, gradients, weights from local files."""

import ast
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

import osteon.networks
from osteon.networks import blocks
from osteon.networks.blocks import ScaledResNet, imagenet_file
from osteon.networks.late_fusion import LateFusion

SMALL = {"width": 0.125, "hidden": 16}


def parameters(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


@pytest.mark.parametrize(
    ("backbone", "clinical", "head"),
    [("resnet18", 4, 265_730), ("resnet18", 0, 263_682), ("resnet50", 4, 1_052_162)],
)
def test_head_has_the_papers_parameters(backbone: str, clinical: int, head: int) -> None:
    assert parameters(LateFusion(backbone, clinical).head) == head


@pytest.mark.parametrize("backbone", ["resnet18", "resnet34", "resnet50"])
def test_full_width_is_torchvisions_network(backbone: str) -> None:
    theirs = getattr(torchvision.models, backbone)()
    encoder = ScaledResNet(backbone)
    rest = encoder.load_state_dict(theirs.state_dict(), strict=False)
    assert rest.missing_keys == []
    assert sorted(rest.unexpected_keys) == ["fc.bias", "fc.weight"]
    theirs.fc = torch.nn.Identity()
    image = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(encoder.eval()(image), theirs.eval()(image), rtol=0, atol=0)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
@pytest.mark.parametrize("fusion", ["late", "early", "film"])
@pytest.mark.parametrize("clinical", [0, 1, 4])
@pytest.mark.parametrize("out_dim", [1, 2])
def test_shapes(backbone: str, fusion: str, clinical: int, out_dim: int) -> None:
    network = LateFusion(backbone, clinical, fusion=fusion, out_dim=out_dim, **SMALL).eval()
    output = network(torch.randn(3, 3, 32, 48), torch.randn(3, clinical))
    assert output.shape == (3, out_dim)
    assert output.isfinite().all()


@pytest.mark.parametrize(("width", "features"), [(0.125, 64), (0.25, 128), (0.01, 5), (1.0, 512)])
def test_width_scales_the_features(width: float, features: int) -> None:
    assert ScaledResNet("resnet18", width).out_features == features


@pytest.mark.parametrize("fusion", ["late", "early", "film"])
@pytest.mark.parametrize("clinical", [0, 4])
def test_gradient_reaches_every_parameter(fusion: str, clinical: int) -> None:
    torch.manual_seed(0)
    network = LateFusion("resnet18", clinical, fusion=fusion, activation="gelu", **SMALL)
    network(torch.randn(4, 3, 64, 64), torch.randn(4, clinical))[:, 1].square().sum().backward()
    silent = [name for name, v in network.named_parameters() if v.grad is None or not v.grad.any()]
    assert silent == []


@pytest.mark.parametrize("fusion", ["late", "early"])
def test_every_clinical_value_changes_the_output(fusion: str) -> None:
    torch.manual_seed(0)
    network = LateFusion("resnet18", 4, fusion=fusion, **SMALL).eval()
    image, clinical = torch.randn(1, 3, 32, 32), torch.zeros(1, 4)
    plain = network(image, clinical)
    for column in range(4):
        moved = clinical.clone()
        moved[0, column] = 1
        assert not torch.equal(network(image, moved), plain)


def test_film_starts_as_the_image_only_network() -> None:
    network = LateFusion("resnet18", 4, fusion="film", **SMALL).eval()
    image = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(network(image, torch.randn(2, 4)), network(image, torch.zeros(2, 4)))


def test_clinical_scale_is_a_factor_on_the_values() -> None:
    one, ten = (LateFusion("resnet18", 2, clinical_scale=s, **SMALL).eval() for s in (1.0, 10.0))
    ten.load_state_dict(one.state_dict())
    image, clinical = torch.randn(2, 3, 32, 32), torch.randn(2, 2)
    torch.testing.assert_close(ten(image, clinical), one(image, clinical * 10))


def test_features_layer_is_the_last_map() -> None:
    network = LateFusion("resnet18", 4, **SMALL).eval()
    seen = []
    layer = network.get_submodule(network.features_layer)
    layer.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    network(torch.randn(1, 3, 64, 64), torch.zeros(1, 4))
    assert seen == [(1, 64, 2, 2)]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"backbone": "resnet19"}, "backbone is 'resnet19'; allowed are resnet18"),
        ({"fusion": "middle"}, "fusion is 'middle'"),
        ({"activation": "tanhh"}, "activation is 'tanhh'"),
        ({"out_dim": 3}, "out_dim is 3"),
        ({"clinical": -1}, "clinical is -1"),
        ({"width": 0.0}, "width is 0"),
    ],
)
def test_wrong_arguments_are_named(wrong: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        LateFusion(**wrong)


def test_clinical_of_wrong_length_is_refused() -> None:
    network = LateFusion("resnet18", 3, **SMALL)
    with pytest.raises(ValueError, match=r"clinical has shape \(2, 4\); wanted \(2, 3\)"):
        network(torch.randn(2, 3, 32, 32), torch.zeros(2, 4))


def test_imagenet_is_never_downloaded(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *a, **k: pytest.fail("download"))
    with pytest.raises(FileNotFoundError, match=r"nothing is downloaded unasked.*weights: none"):
        LateFusion("resnet18", 4).load_backbone("imagenet")
    assert list(tmp_path.iterdir()) == []


def test_imagenet_file_in_the_cache_must_be_the_published_one(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "resnet18-f37072fd.pth").write_bytes(b"not it")
    assert imagenet_file("resnet18").name == "resnet18-f37072fd.pth"
    with pytest.raises(ValueError, match="damaged"):
        LateFusion("resnet18", 4).load_backbone("imagenet")


def test_auto_takes_what_the_cache_holds_and_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *a, **k: pytest.fail("download"))
    network = LateFusion("resnet18", 4)
    network.load_backbone("auto")
    absent = "none: trained from scratch (no ImageNet weights in the local cache)"
    assert network.weights_origin == absent
    source = torchvision.models.resnet18()
    (tmp_path / "checkpoints").mkdir()
    file = tmp_path / "checkpoints" / "resnet18-f37072fd.pth"
    torch.save(source.state_dict(), file)
    monkeypatch.setattr(blocks, "file_digest", lambda path: "f37072fd")
    network.load_backbone("auto")
    assert network.weights_origin.startswith("imagenet (ResNet18_Weights.IMAGENET1K_V1): resnet18-")
    assert torch.equal(network.encoder.conv1.weight, source.conv1.weight)
    narrow = LateFusion("resnet18", 4, **SMALL)
    narrow.load_backbone("auto")
    wanted = "none: trained from scratch (pretrained weights need width 1)"
    assert narrow.weights_origin == wanted
    monkeypatch.undo()
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(ValueError, match="damaged"):
        network.load_backbone("auto")


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("fusion", ["late", "early"])
def test_local_weights_fill_the_backbone_and_the_network_says_so(tmp_path, ending, fusion) -> None:
    source = torchvision.models.resnet18()
    path = tmp_path / f"weights{ending}"
    save = torch.save if ending == ".pth" else save_file
    save(source.state_dict(), str(path))
    network = LateFusion("resnet18", 4, fusion=fusion)
    network.load_backbone(str(path))
    assert torch.equal(network.encoder.conv1.weight[:, :3], source.conv1.weight)
    assert not network.encoder.conv1.weight[:, 3:].any()
    assert torch.equal(network.encoder.layer4[1].bn2.weight, source.layer4[1].bn2.weight)
    assert network.weights_origin.startswith(f"file: weights{ending}, sha256 ")
    assert LateFusion("resnet18", 4).weights_origin == "none: trained from scratch"


def test_weights_that_do_not_fit_are_refused(tmp_path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(ScaledResNet("resnet18", 0.125).state_dict(), str(path))
    with pytest.raises(ValueError, match=r"does not fit resnet18 at width 0\.25"):
        LateFusion("resnet18", 4, width=0.25).load_backbone(str(path))
    with pytest.raises(FileNotFoundError, match="no file at"):
        LateFusion("resnet18", 4, **SMALL).load_backbone(str(tmp_path / "absent.pth"))
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"allowed: .safetensors, .pth, .pt"):
        LateFusion("resnet18", 4, **SMALL).load_backbone(str(tmp_path / "weights.bin"))


def test_objects_in_a_weights_file_are_not_built(tmp_path) -> None:
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = tmp_path / "weights.pth"
    torch.save({"conv1.weight": Trap()}, path)
    with pytest.raises(ValueError, match="cannot be read"):
        LateFusion("resnet18", 4, **SMALL).load_backbone(str(path))
    assert not (tmp_path / "sprung").exists()


def test_networks_import_nothing_but_torch_and_torchvision() -> None:
    folder = Path(osteon.networks.__file__).parent
    allowed = {"torch", "torchvision", "safetensors", "osteon.networks"} | sys.stdlib_module_names
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert {name.split(".")[0], ".".join(name.split(".")[:2])} & allowed, (file, name)
