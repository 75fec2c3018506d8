#!/usr/bin/env python3
"""dure plot, and the event files that TensorBoard reads, by a reader of their own."""

import json
import struct
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from program import main, run
from train_test import RECIPE, ROWS

FIELDS = ("tokens", "loss", "main", "mtp", "lr", "grad_norm", "expert_load", "tokens_per_second")


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    """The contents of a file of TFRecords, both sums of each checked."""
    at = 0
    while at < len(data):
        (length,), (length_crc,) = struct.unpack_from("<Q", data, at), struct.unpack_from("<I", data, at + 8)
        body = data[at + 12:at + 12 + length]
        (body_crc,) = struct.unpack_from("<I", data, at + 12 + length)
        assert len(body) == length and length_crc == masked_crc32c(data[at:at + 8]) and body_crc == masked_crc32c(body)
        yield body
        at += 16 + length


def fields(message):
    """(number, value) of each field of a Protocol Buffers message."""
    def varint(at):
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            shift += 7
            at += 1
            if message[at - 1] < 128:
                return value, at
    at = 0
    while at < len(message):
        key, at = varint(at)
        kind = key & 7
        if kind == 0:
            value, at = varint(at)
        elif kind == 2:
            length, at = varint(at)
            value, at = message[at:at + length], at + length
        else:
            size, code = {1: (8, "<d"), 5: (4, "<f")}[kind]
            value, at = struct.unpack_from(code, message, at)[0], at + size
        yield key >> 3, value


def scalars(path):
    """(wall time, step, {tag: value}) of each event but the first, which names the format."""
    first, *rest = (dict(fields(record)) for record in records(path.read_bytes()))
    assert first[3] == b"brain.Event:2"
    for event in rest:
        points = (dict(fields(value)) for _, value in fields(event[5]))
        yield event[1], event[2], {point[1].decode(): point[2] for point in points}


class PlotTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "text.txt").write_text("Neighbours pool their work, and the field is done by noon. " * 40)
        (self.folder / "recipe.json").write_text(json.dumps(RECIPE))
        self.run_folder = self.folder / "run"

    def train(self, steps):
        code, _, err = run("train", self.folder / "recipe.json", "-t", "1", "--set", f"tokens={steps * ROWS}")
        self.assertEqual(code, 0, err)
        return [json.loads(line) for line in (self.run_folder / "log.jsonl").read_text().splitlines()]

    def test_events_are_the_log(self):
        for steps in (3, 6):  # the second goes on with the first
            log = self.train(steps)
            self.assertEqual([line["step"] for line in log], list(range(1, steps + 1)))
            events = list(scalars(self.run_folder / "events.out.tfevents.0.dure"))
            self.assertEqual(len(events), steps)
            self.assertEqual(sorted(time for time, _, _ in events), [time for time, _, _ in events])
            for line, (_, step, values) in zip(log, events, strict=True):
                self.assertEqual(step, line["step"])
                for field in FIELDS:
                    self.assertAlmostEqual(values[field], line[field], delta=1e-6 * abs(line[field]))

    def test_a_picture(self):
        self.train(6)
        code, out, _ = run("plot", self.run_folder)
        self.assertEqual((code, out), (0, f"{self.run_folder}/plot.svg: 6 steps\n"))
        svg = ElementTree.parse(self.run_folder / "plot.svg").getroot()
        space = "{http://www.w3.org/2000/svg}"
        words = [text.text for text in svg.iter(space + "text")]
        for title in ("run", "loss", "main", "mtp", "learning rate", "expert load: busiest over mean"):
            self.assertIn(title, words)
        lines = [line.get("points").split() for line in svg.iter(space + "polyline")]
        self.assertEqual([len(line) for line in lines], [6] * 7)
        other = self.folder / "other.svg"
        self.assertEqual(run("plot", self.run_folder / "log.jsonl", "-o", other)[0], 0)
        self.assertEqual(other.read_bytes(), (self.run_folder / "plot.svg").read_bytes())

    def test_what_cannot_be_drawn_is_one_line(self):
        empty = self.folder / "empty.jsonl"
        empty.write_text("half a li")
        for arguments, words in ((("none",), "none"), ((empty,), "no steps"), ((self.folder,), "log.jsonl")):
            code, out, err = run("plot", *arguments)
            self.assertEqual((code, out, err.count("\n")), (1, "", 1), err)
            self.assertIn(words, err)


if __name__ == "__main__":
    main()
