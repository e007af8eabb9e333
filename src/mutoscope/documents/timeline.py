"""The board as an OpenTimelineIO timeline, which editing programs open.

Invariant: the track has exactly the seconds of the board, at 24 pictures a second; media are named
relative to the file, so that an unpacked archive works wherever it lies.
"""

import opentimelineio as otio  # type: ignore[import-untyped]  # it brings no types

from mutoscope.app.export_board import ExportBoard, ExportFrame
from mutoscope.documents.motion import FRAMES_PER_SECOND
from mutoscope.documents.shot_list import clip_name, frame_name


def timeline_text(board: ExportBoard) -> str:
    """Return a board as the text of an .otio file."""
    timeline = otio.schema.Timeline(name=board.title, global_start_time=_time(0))
    track = otio.schema.Track(name="Board", kind=otio.schema.TrackKind.Video)
    timeline.tracks.append(track)
    place = 0
    for scene in board.scenes:
        if scene.frames:
            track.markers.append(_marker(scene.heading, place))
        for frame in scene.frames:
            place += frame.duration_s * FRAMES_PER_SECOND
            track.extend(_items(frame))
    text: str = otio.adapters.write_to_string(timeline, "otio_json")
    return text


def _items(frame: ExportFrame) -> list[otio.core.Item]:
    """Return a frame's clip, and the gap after one that is shorter than was wanted."""
    count = frame.duration_s * FRAMES_PER_SECOND
    shown = count
    if frame.clip is not None and frame.clip_s is not None:
        shown = min(count, max(1, round(frame.clip_s * FRAMES_PER_SECOND)))
    clip = otio.schema.Clip(
        name=f"{frame.number:03}", media_reference=_media(frame), source_range=_range(0, shown),
        metadata={"mutoscope": {
            "number": frame.number, "description": frame.description, "dialogue": frame.dialogue,
            "tool": frame.tool, "cost": dict(frame.cost),
        }},
    )  # fmt: skip
    if shown == count:
        return [clip]
    return [clip, otio.schema.Gap(source_range=_range(0, count - shown))]


def _media(frame: ExportFrame) -> otio.core.MediaReference:
    name = clip_name(frame) or frame_name(frame)
    if name is None:
        return otio.schema.MissingReference()
    count = round((frame.clip_s or frame.duration_s) * FRAMES_PER_SECOND)
    if frame.clip is None:
        count = frame.duration_s * FRAMES_PER_SECOND
    return otio.schema.ExternalReference(target_url=name, available_range=_range(0, count))


def _marker(name: str, place: int) -> otio.schema.Marker:
    return otio.schema.Marker(name=name, marked_range=_range(place, 0))


def _range(begin: int, count: int) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(_time(begin), _time(count))


def _time(count: int) -> otio.opentime.RationalTime:
    return otio.opentime.RationalTime(count, FRAMES_PER_SECOND)
