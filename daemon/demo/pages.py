"""The faces of court paper: what is printed, written and stamped on each kind of page.

`FACES` is the whole list. A face is a function that draws on a canvas what its story tells.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

import numpy as np

from daemon.demo import hand, photo
from daemon.demo.draw import GRAY, PENCIL, RED, Box, Canvas

_LEFT_MM: Final = 28.0
_TEXT_MM: Final = 156.0
_BODY: Final = Box(_LEFT_MM, 40.0, _TEXT_MM, 215.0)


@dataclass(frozen=True, slots=True)
class Story:
    """The invented case that all pages of a stack tell."""

    facts: Mapping[str, str]
    sentences: Mapping[str, Sequence[str]]
    words: Mapping[str, Sequence[str]]

    @classmethod
    def load(cls) -> "Story":
        """Read the story that comes with the demo."""
        text = resources.files("daemon.demo").joinpath("assets/words.toml").read_text("utf-8")
        table: dict[str, Any] = tomllib.loads(text)
        return cls(table["story"], table["sentences"], table["words"])

    def tell(self, kind: str, rng: np.random.Generator, number: int) -> list[str]:
        """Return some sentences of a kind: the first from anywhere, the others in their order."""
        known = self.sentences[kind]
        first = int(rng.integers(len(known)))
        return [known[(first + k) % len(known)] for k in range(number)]


Face = Callable[[Canvas, Story, np.random.Generator], None]


def _body(canvas: Canvas, story: Story, rng: np.random.Generator, kind: str, top_mm: float) -> None:
    """Fill the page with paragraphs of printed text."""
    bottom_mm = _BODY.top_mm + _BODY.height_mm
    at_mm = top_mm
    while at_mm < bottom_mm - 12:
        sentences = story.tell(kind, rng, int(rng.integers(1, 4)))
        box = Box(_LEFT_MM, at_mm, _TEXT_MM, bottom_mm - at_mm)
        at_mm = canvas.paragraph("".join(sentences), box, 5.2, 9.4)


def _claim_first(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    facts = story.facts
    canvas.centred("民 事 起 诉 状", (105, 42), 8.6, weight=650)
    at_mm = 54.0
    for line in (
        f"原告：{facts['claimant']}，男，一九七五年六月四日出生，住某某市示范街十二号。",
        f"委托诉讼代理人：{facts['agent']}，某某律师事务所律师。",
        f"被告：{facts['respondent']}，住所地某某市样本路八十八号。",
        f"案由：{facts['cause']}。",
    ):
        at_mm = canvas.paragraph(line, Box(_LEFT_MM, at_mm, _TEXT_MM, 60), 5.2, 9.4)
    canvas.text("诉讼请求：", (_LEFT_MM + 10.4, at_mm + 5.2), 5.2, weight=600)
    _body(canvas, story, rng, "claim", at_mm + 9.4)


def _claim(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    _body(canvas, story, rng, "claim", 36)


def _claim_last(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    for number, sentence in enumerate(story.sentences["claim"][6:10]):
        box = Box(_LEFT_MM, 38 + 20 * number, _TEXT_MM, 30)
        canvas.paragraph(sentence, box, 5.2, 9.4)
    canvas.text("此致", (_LEFT_MM + 10.4, 130), 5.2)
    canvas.text(story.facts["court"], (_LEFT_MM, 140), 5.2)
    canvas.text("具状人：", (112, 172), 5.2)
    canvas.text("二〇二六年一月十五日", (112, 196), 5.2)
    hand.sign(canvas, story.facts["claimant"], (130, 160), rng)
    hand.seal(canvas, story.facts["seal_claimant"], (146, 188), rng, "合同专用章")


def _defence(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    canvas.centred("民 事 答 辩 状", (105, 42), 8.6, weight=650)
    line = (
        f"答辩人：{story.facts['respondent']}，因与{story.facts['claimant']}{story.facts['cause']}"
    )
    at_mm = canvas.paragraph(
        line + "一案，提出答辩如下：", Box(_LEFT_MM, 54, _TEXT_MM, 60), 5.2, 9.4
    )
    _body(canvas, story, rng, "defence", at_mm)


def _defence_last(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    at_mm = 36.0
    for number in range(3):
        text = "".join(story.tell("defence", rng, 3 + number % 2))
        at_mm = canvas.paragraph(text, Box(_LEFT_MM, at_mm, _TEXT_MM, 180 - at_mm), 5.2, 9.4)
    canvas.text("答辩人：", (112, 222), 5.2)
    hand.seal(canvas, story.facts["seal_respondent"], (142, 222), rng)


def _contract(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    canvas.text("建筑材料买卖合同", (_LEFT_MM, 24), 3.2, GRAY)
    canvas.text("合同编号 SY-2024-0312", (144, 24), 3.2, GRAY)
    canvas.rule((_LEFT_MM, 26), (_LEFT_MM + _TEXT_MM, 26), 0.2, GRAY)
    at_mm, first = 31.0, int(rng.integers(12))
    clauses = story.sentences["contract"]
    for number in range(40):
        if at_mm > 256:
            break
        clause = clauses[(first + number) % len(clauses)]
        extra = clauses[(first + 5 * number + 3) % len(clauses)].split(" ", 1)[1]
        box = Box(_LEFT_MM, at_mm, _TEXT_MM, 258 - at_mm)
        at_mm = canvas.paragraph(clause + extra, box, 3.7, 5.6)


def _contract_last(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    at_mm = 31.0
    for clause in story.sentences["contract"][8:]:
        at_mm = canvas.paragraph(clause, Box(_LEFT_MM, at_mm, _TEXT_MM, 40), 3.7, 5.6)
    for left_mm, party, owner in (
        (_LEFT_MM, "甲方(盖章)：", story.facts["seal_claimant"]),
        (112.0, "乙方(盖章)：", story.facts["seal_respondent"]),
    ):
        for row, label in enumerate((party, "法定代表人：", "签订日期：二〇二四年三月十二日")):
            canvas.text(label, (left_mm, 110 + 13 * row), 4.2)
        hand.seal(canvas, owner, (left_mm + 36, 122), rng, "合同专用章")
    hand.sign(canvas, story.facts["claimant"], (54, 112), rng)


def _grid(
    canvas: Canvas, box: Box, columns: Sequence[float], rows: int, width_mm: float = 0.25
) -> list[float]:
    """Draw a table and return where its columns begin; `columns` are shares of the width."""
    canvas.frame(box, 2 * width_mm)
    edges = [box.left_mm]
    for share in columns:
        edges.append(edges[-1] + box.width_mm * share / sum(columns))
    bottom_mm = box.top_mm + box.height_mm
    for edge in edges[1:-1]:
        canvas.rule((edge, box.top_mm), (edge, bottom_mm), width_mm)
    for row in range(1, rows):
        y = box.top_mm + box.height_mm * row / rows
        canvas.rule((box.left_mm, y), (box.left_mm + box.width_mm, y), width_mm)
    return edges


def _statement(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    canvas.centred("某某示范银行账户交易明细", (105, 32), 6, weight=600)
    canvas.text("户名：某某示范建材有限公司   币种：人民币   单位：元", (24, 41), 3.4)
    rows, box = 30, Box(22, 45, 166, 210)
    edges = _grid(canvas, box, (1.2, 2.2, 2.0, 2.2, 2.2, 2.6), rows)
    height_mm = box.height_mm / rows
    for edge, label in zip(edges, ("序号", "日期", "摘要", "借方", "贷方", "余额"), strict=False):
        canvas.text(label, (edge + 2, box.top_mm + 5), 3.6, weight=600)
    balance = int(rng.integers(300_000, 900_000))
    for row in range(1, rows):
        amount = int(rng.integers(120, 250_000))
        paid = bool(rng.random() < 0.5)
        balance = max(1000, balance + (-amount if paid else amount))
        cells = (
            f"{row:04d}",
            f"2024-{1 + row // 3:02d}-{1 + 3 * row % 28:02d}",
            story.words["banks"][int(rng.integers(8))],
            f"{amount:,}.00" if paid else "",
            "" if paid else f"{amount:,}.00",
            f"{balance:,}.00",
        )
        y = box.top_mm + height_mm * row + 4.9
        for edge, cell in zip(edges, cells, strict=False):
            canvas.text(cell, (edge + 1.5, y), 3.4)
    hand.seal(canvas, "某某示范银行业务", (158, 238), rng, "样张")


def _delivery(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    canvas.centred("送 货 单", (105, 34), 7.4, weight=600)
    canvas.text(f"收货单位：{story.facts['respondent']}", (24, 46), 4.2)
    canvas.text(f"No. {int(rng.integers(10**6, 10**7))}", (150, 46), 4.6, RED)
    rows, box = 12, Box(22, 52, 166, 132)
    edges = _grid(canvas, box, (1, 3, 1.6, 1.6, 2, 2.4), rows, 0.35)
    height_mm = box.height_mm / rows
    labels = ("序号", "品名及规格", "单位", "数量", "单价", "金额")
    for edge, label in zip(edges, labels, strict=False):
        canvas.text(label, (edge + 2, box.top_mm + 7), 4.2, weight=600)
    pen = hand.Pen(em_mm=5, leading_mm=height_mm)
    goods = [story.words["goods"][int(rng.integers(8))] for _ in range(7)]
    for column, texts in (
        (0, [str(number + 1) for number in range(len(goods))]),
        (1, goods),
        (2, ["吨"] * len(goods)),
        (3, [str(rng.integers(2, 90)) for _ in goods]),
        (4, [str(rng.integers(20, 900)) for _ in goods]),
        (5, [str(rng.integers(1000, 90_000)) for _ in goods]),
    ):
        width_mm = edges[column + 1] - edges[column]
        at = Box(edges[column] + 1.5, box.top_mm + height_mm + 2.5, width_mm, 80)
        hand.write(canvas, texts, at, rng, pen)
    canvas.text("收货人：", (24, 200), 4.6)
    hand.sign(canvas, "赵样例", (42, 188), rng)
    hand.seal(canvas, story.facts["seal_claimant"], (150, 196), rng, "发货专用章")


def _service_form(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    canvas.centred(story.facts["court"], (105, 34), 6.6, weight=600)
    canvas.centred("送 达 回 证", (105, 47), 8, weight=600)
    rows, box = 8, Box(24, 56, 162, 190)
    edges = _grid(canvas, box, (1, 2.6), rows, 0.35)
    labels = (
        "案由",
        "案号",
        "送达文书",
        "受送达人",
        "送达地址",
        "受送达人签名",
        "代收人签名",
        "备考",
    )
    for row, label in enumerate(labels):
        y = box.top_mm + box.height_mm * (row + 0.6) / rows
        canvas.text(label, (edges[0] + 5, y), 4.9)
    facts = (story.facts["cause"], story.facts["case_number"], "起诉状副本、应诉通知书、传票")
    for row, fact in enumerate(facts):
        y = box.top_mm + box.height_mm * (row + 0.6) / rows
        canvas.text(fact, (edges[1] + 5, y), 4.9)
    height_mm = box.height_mm / rows
    pen = hand.Pen(em_mm=6, leading_mm=height_mm)
    at = Box(edges[1] + 5, box.top_mm + 3 * height_mm + 7, 100, 60)
    hand.write(canvas, [story.facts["respondent"], "某某市样本路88号"], at, rng, pen)
    hand.sign(canvas, "孙样本", (edges[1] + 12, box.top_mm + 5 * height_mm + 3), rng)
    hand.seal(canvas, story.facts["court"], (158, 232), rng, "样张")


def _address_form(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    canvas.centred("送达地址确认书", (105, 40), 7.4, weight=600)
    left = ("姓名", "性别", "联系电话", "送达地址", "邮政编码", "案由")
    right = ("民族", "年龄", "电子邮箱", "代收人", "代收人电话", "备注")
    rows, box = len(left), Box(24, 50, 162, 132)
    edges = _grid(canvas, box, (1, 1.8, 1, 1.5), rows, 0.3)
    for row, labels in enumerate(zip(left, right, strict=True)):
        y = box.top_mm + box.height_mm * (row + 0.58) / rows
        for column, label in zip((0, 2), labels, strict=True):
            canvas.text(label, (edges[column] + 3, y), 4.4)
    pen = hand.Pen(em_mm=5.4, leading_mm=box.height_mm / rows)
    lines = [story.facts["claimant"], "男", "1380000****", "示范街12号", "130000", "买卖合同"]
    hand.write(canvas, lines, Box(edges[1] + 3, box.top_mm + 7, 48, 128), rng, pen)
    canvas.paragraph(
        "受送达人确认：以上地址真实有效，如有变更当及时书面告知人民法院；因提供的地址不准确"
        "导致诉讼文书未能实际接收的，由本人承担相应的法律后果。",
        Box(24, 198, 162, 40),
        4.4,
        7.6,
    )
    canvas.text("确认人：", (112, 240), 4.9)
    hand.sign(canvas, story.facts["claimant"], (132, 228), rng)
    hand.thumbprint(canvas, (166, 232), rng)


def _vertical(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    columns, box = 15, Box(26, 34, 160, 222)
    canvas.frame(box, 0.6, RED)
    text = "".join(story.tell("letter", rng, 6) + story.tell("letter", rng, 6))
    step_mm, width_mm, at = 7.2, box.width_mm / columns, 0
    for column in range(columns):
        right_mm = box.left_mm + box.width_mm - column * width_mm
        if column:
            canvas.rule((right_mm, box.top_mm), (right_mm, box.top_mm + box.height_mm), 0.2, RED)
        for row in range(30 - 2 * (column % 4 == 0)):
            letter = text[at % len(text)]
            at += 1
            y = box.top_mm + 8 + row * step_mm
            shift = (2.6, -2.4) if letter in "，。" else (0.0, 0.0)
            place = (right_mm - width_mm / 2 - 2.6 + shift[0], y + shift[1])
            canvas.text(letter, place, 5.3, weight=480)
        if column == columns - 2:
            break


def _handwritten(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    for row in range(20):
        y = 42 + 10.5 * row
        canvas.rule((24, y), (186, y), 0.15, (190, 200, 150))
    texts = ["".join(story.tell("hand", rng, 9)), "".join(story.tell("hand", rng, 11))]
    texts.append("".join(story.tell("hand", rng, 7)))
    hand.write(canvas, ["　　　　　　情况说明", *texts], Box(28, 33.5, 148, 208), rng)


def _handwritten_last(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    lines = ["".join(story.tell("hand", rng, 3)), *story.tell("hand", rng, 2)]
    hand.write(canvas, lines, Box(28, 36, 150, 70), rng)
    hand.sign(canvas, "赵样例", (120, 112), rng)
    hand.thumbprint(canvas, (158, 118), rng)
    hand.write(canvas, ["2025年3月9日"], Box(118, 134, 60, 14), rng)


def _photos(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    first = int(rng.integers(len(story.words["photo"])))
    for number, top_mm in enumerate((32, 148)):
        canvas.paste(photo.scene(rng, (1480, 1060)), (42, top_mm))
        canvas.frame(Box(42, top_mm, 125.3, 89.7), 0.2, GRAY)
        caption = story.words["photo"][(first + number) % len(story.words["photo"])]
        canvas.centred(f"图{'一二'[number]} {caption}", (105, top_mm + 98), 4.2)


def _id_card(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    for number, top_mm in enumerate((48, 128)):
        canvas.paste(photo.card(rng, portrait=number == 0), (62, top_mm))
    left_mm = 67.0
    lines = (f"姓名  {story.facts['claimant']}", "性别  男    民族  汉", "出生  1975 年 6 月 4 日")
    for row, line in enumerate(lines):
        canvas.text(line, (left_mm, 58 + 8 * row), 3.5)
    canvas.text("住址  某某市示范街12号", (left_mm, 83), 3.5)
    canvas.text("公民身份号码  000000197506040000", (left_mm, 98), 3.7)
    canvas.text("样本  居民身份证", (left_mm + 18, 150), 5.2, weight=600)
    canvas.text("签发机关  示范市公安局", (left_mm + 10, 168), 3.5)
    hand.write(canvas, ["与原件核对无异"], Box(64, 206, 90, 14), rng)
    hand.sign(canvas, story.facts["agent"], (128, 214), rng)


def _slips(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    for top_mm, title in ((40.0, "诉讼费专用票据"), (144.0, "通用机打发票")):
        left_mm = 38 + float(rng.uniform(-4, 4))
        box = Box(left_mm, top_mm, 132, 78)
        canvas.fill(box, (226, 222, 246))
        canvas.frame(box, 0.2, (190, 180, 214))
        canvas.centred(title, (left_mm + 66, top_mm + 12), 5, (86, 70, 170), 600)
        edges = _grid(canvas, Box(left_mm + 8, top_mm + 20, 116, 44), (2, 1, 1, 1.4), 5, 0.15)
        for row in range(5):
            cells = (story.words["goods"][row], "吨", f"{rng.integers(2, 80)}", "")
            amount = f"{rng.integers(100, 90_000)}.00"
            for edge, cell in zip(edges, (*cells[:3], amount), strict=False):
                canvas.text(cell, (edge + 1.2, top_mm + 26.4 + 8.8 * row), 3.4, (96, 80, 80))
        hand.seal(canvas, "某某示范财务", (left_mm + 108, top_mm + 58), rng, "样张")


def _authority(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    facts = story.facts
    canvas.centred("授 权 委 托 书", (105, 46), 8.2, weight=650)
    text = (
        f"委托人{facts['claimant']}与{facts['respondent']}{facts['cause']}一案，现委托某某律师事务所"
        f"{facts['agent']}律师为诉讼代理人。代理权限为特别授权：代为承认、放弃、变更诉讼请求，"
        "进行和解、调解，提起反诉或者上诉，签收法律文书。"
    )
    canvas.paragraph(text, Box(_LEFT_MM, 62, _TEXT_MM, 120), 5.2, 10.4)
    canvas.text("委托人：", (112, 160), 5.2)
    hand.sign(canvas, facts["claimant"], (134, 148), rng)
    hand.thumbprint(canvas, (168, 150), rng)
    canvas.text("二〇二六年一月十日", (112, 184), 5.2)


def _signed_back(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    hand.sign(canvas, story.facts["agent"], (float(rng.uniform(90, 130)), 190), rng)


def _pencilled_back(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    pen = hand.Pen(colour=PENCIL, em_mm=5.4, leading_mm=9, weight=250)
    hand.write(canvas, story.tell("hand", rng, 3), Box(40, 70, 90, 40), rng, pen)


def _sealed_back(canvas: Canvas, story: Story, rng: np.random.Generator) -> None:
    hand.seal(canvas, story.facts["seal_claimant"], (196, 150), rng, "骑缝章")
    canvas.text("以下空白", (90, 60), 4.6)


FACES: Final[Mapping[str, Face]] = {
    "claim_first": _claim_first,
    "claim": _claim,
    "claim_last": _claim_last,
    "defence": _defence,
    "defence_last": _defence_last,
    "contract": _contract,
    "contract_last": _contract_last,
    "statement": _statement,
    "delivery": _delivery,
    "service_form": _service_form,
    "address_form": _address_form,
    "vertical": _vertical,
    "handwritten": _handwritten,
    "handwritten_last": _handwritten_last,
    "photos": _photos,
    "id_card": _id_card,
    "slips": _slips,
    "authority": _authority,
    "signed": _signed_back,
    "pencilled": _pencilled_back,
    "sealed": _sealed_back,
}
