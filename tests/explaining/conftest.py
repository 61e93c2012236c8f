"""The trained blob network, once a session."""

import pytest
import torch

from tests.explaining_blobs import BlobNet, Blobs, make_blobs, trained_net

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def blob_net() -> BlobNet:
    return trained_net()


@pytest.fixture(scope="session")
def blobs() -> Blobs:
    return make_blobs(64, seed=7)
