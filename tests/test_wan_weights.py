"""Real weights through the real torch and diffusers, as small as they can be, on the processor.

They draw noise: what is proven is that the pipeline is loaded and called as diffusers wants it. It
runs where `mutoscope[wan]` is installed.
"""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import wan_stage
from mutoscope.app.ports import Capabilities, RenderState
from mutoscope.providers import wan_render, wan_weights
from mutoscope.providers.local import scratch
from mutoscope.providers.wan_models import FRAMES_PER_SECOND
from mutoscope.providers.wan_weights import GpuUnusable

torch = pytest.importorskip("torch", reason="mutoscope[wan] is not installed")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs, of which there are many
TINY = Capabilities(ratios=("64:32",), durations_s=(2,), prompt_max=100, output_ttl_s=0)


def words() -> Any:  # noqa: ANN401 -- without torch there is no type
    known = {"<pad>": 0, "</s>": 1, "<unk>": 2, "a": 3, "lamp": 4}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(known, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def sight() -> Any:  # noqa: ANN401 -- the same
    return transformers.CLIPVisionModel(
        transformers.CLIPVisionConfig(
            hidden_size=4, projection_dim=4, num_hidden_layers=2, num_attention_heads=2,
            image_size=32, intermediate_size=16, patch_size=1,
        )
    )  # fmt: skip


def painter() -> Any:  # noqa: ANN401 -- the same
    return diffusers.WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=36,
        out_channels=16, text_dim=32, freq_dim=256, ffn_dim=32, num_layers=2, image_dim=4,
        cross_attn_norm=True, qk_norm="rms_norm_across_heads", rope_max_seq_len=32,
    )  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    reader = transformers.UMT5Config(
        vocab_size=8, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2
    )
    pipeline = diffusers.WanImageToVideoPipeline(
        tokenizer=words(), text_encoder=transformers.UMT5EncoderModel(reader),
        vae=diffusers.AutoencoderKLWan(
            base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
            temperal_downsample=[False, True, True],
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=7.0),
        image_processor=transformers.CLIPImageProcessor(crop_size=32, size=32),
        image_encoder=sight(), transformer=painter(),
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("weights") / wan_stage.MODEL
    pipeline.save_pretrained(folder)
    return folder


def test_a_clip_is_rendered(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wan_render, "MODELS", {wan_stage.MODEL: TINY})
    order = wan_stage.ordered(tmp_path, parameters={"num_inference_steps": 2})
    scratch.keep_order(folder=tmp_path / "job", order=order)

    wan_render.carry_out(
        folder=tmp_path / "job",
        load=lambda _model: wan_weights.loaded(weights=weights, device="cpu"),
    )

    ending = scratch.outcome(folder=tmp_path / "job")
    assert ending is not None
    assert ending.state is RenderState.SUCCEEDED
    assert ending.outputs[0].frames == 2 * FRAMES_PER_SECOND


def test_a_gpu_that_is_absent_or_full_is_named(weights: Path) -> None:
    if not torch.cuda.is_available():
        with pytest.raises(GpuUnusable, match="driver"):
            wan_weights.loaded(weights=weights)
    pipeline, _ = wan_weights.loaded(weights=weights, device="cpu")

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    with pytest.raises(GpuUnusable, match="memory"):
        pipeline(
            image=Image.new("RGB", (32, 32)), prompt="a lamp", height=32, width=32,
            num_frames=5, num_inference_steps=1, callback_on_step_end=full,
        )  # fmt: skip


def test_the_extra_holds_all_that_is_imported() -> None:
    assert all(map(wan_weights.find_spec, wan_weights._PACKAGES))
