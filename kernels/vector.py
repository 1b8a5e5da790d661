"""The words that inner loops are written in: vectors of lanes, as portable LLVM.

Rule 1: this is the only file that knows LLVM. A kernel says what one block of lanes does, with an
`Emit`; the rest of its loop is plain numba.
Rule 2: nothing here names a processor. LLVM makes SSE2, AVX2 or NEON of the same words, and integer
lanes give the same numbers on each.
Rule 3: a block may overrun its row, into the next one or into the slack of the buffer
(`kernels.raster`); what it writes too much is written over, or never read.

numba's own loops over slices do not become vectors, because an index there may be negative.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_I32: Final = ir.IntType(32)


class Emit:
    """Emits the code of one block.

    A vector is (lanes, bits): `u8(32)` is 32 lanes of 8 bits. Lanes have no sign; the words that
    mind a sign say so.
    """

    def __init__(self, builder: Any) -> None:
        self._b = builder

    # -- memory -------------------------------------------------------------------------------

    def load(self, array: Any, index: Any, lanes: int, ahead: int = 0) -> Any:
        """Return `lanes` items of an array from `index` + `ahead` on; no alignment is asked for."""
        place = self._at(array, index, ahead, lanes)
        value = self._b.load(place)
        value.align = 1
        return value

    def store(self, value: Any, array: Any, index: Any) -> None:
        """Write all lanes from `index` on."""
        place = self._at(array, index, 0, value.type.count)
        self._b.store(value, place).align = 1

    def prefetch(self, array: Any, index: Any) -> None:
        """Ask for the cache line of an item; it may lie outside of the array."""
        place = self._b.bitcast(self._b.gep(array, [index]), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, _I32, _I32, _I32])
        name = f"llvm.prefetch.{place.type.intrinsic_name}"
        call = cgutils.get_or_insert_function(self._b.module, kind, name)
        self._b.call(call, [place, _I32(0), _I32(3), _I32(1)])  # to read, keep, data

    def _at(self, array: Any, index: Any, ahead: int, lanes: int) -> Any:
        if ahead:
            index = self._b.add(index, index.type(ahead))
        place = self._b.gep(array, [index])
        return self._b.bitcast(place, ir.VectorType(place.type.pointee, lanes).as_pointer())

    def item(self, array: Any, index: Any) -> Any:
        """Return one item as a number."""
        return self._b.load(self._b.gep(array, [index]))

    # -- lanes --------------------------------------------------------------------------------

    def steps(self, bits: int, lanes: int, each: int = 1) -> Any:
        """Return 0, 1, 2 ... in the lanes, each number so many times."""
        kind = ir.VectorType(ir.IntType(bits), lanes)
        return ir.Constant(kind, [k // each for k in range(lanes)])

    def all(self, value: Any, bits: int, lanes: int) -> Any:
        """Return a vector with a number, known now or only when it runs, in all of its lanes."""
        kind = ir.VectorType(ir.IntType(bits), lanes)
        if isinstance(value, int):
            return ir.Constant(kind, [value] * lanes)
        narrow = self._b.trunc(value, kind.element) if value.type.width > bits else value
        one = self._b.insert_element(ir.Constant(kind, ir.Undefined), narrow, _I32(0))
        return self._b.shuffle_vector(one, one, self._places([0] * lanes))

    def widen(self, value: Any, bits: int) -> Any:
        """Return the lanes with zeros above."""
        return self._b.zext(value, self._like(value, bits))

    def widen_signed(self, value: Any, bits: int) -> Any:
        """Return the lanes with their sign above."""
        return self._b.sext(value, self._like(value, bits))

    def narrow(self, value: Any, bits: int) -> Any:
        """Return the low bits of each lane."""
        return self._b.trunc(value, self._like(value, bits))

    def every(self, value: Any, step: int, first: int = 0) -> Any:
        """Return each `step`-th lane from `first` on: takes B, G or R out of pixels."""
        return self._b.shuffle_vector(
            value, value, self._places(list(range(first, value.type.count, step)))
        )

    def interleave(self, one: Any, other: Any) -> Any:
        """Return one, other, one, other ..."""
        count = one.type.count
        places = [k // 2 + count * (k % 2) for k in range(2 * count)]
        return self._b.shuffle_vector(one, other, self._places(places))

    def pick(self, value: Any, places: list[int]) -> Any:
        """Return the lanes at `places`, known now; a place after the last lane gives 0."""
        return self._b.shuffle_vector(value, self._as(0, value), self._places(places))

    def part(self, value: Any, first: int, lanes: int) -> Any:
        """Return `lanes` neighbouring lanes."""
        return self._b.shuffle_vector(value, value, self._places(list(range(first, first + lanes))))

    def join(self, one: Any, other: Any) -> Any:
        """Return the lanes of one, then those of other."""
        return self._b.shuffle_vector(one, other, self._places(list(range(2 * one.type.count))))

    # -- arithmetic, lane by lane; a number in place of a vector counts for all lanes ----------

    def add(self, a: Any, b: Any) -> Any:
        """Return a + b, modulo the width of a lane."""
        return self._b.add(a, self._as(b, a))

    def sub(self, a: Any, b: Any) -> Any:
        """Return a - b, modulo the width of a lane."""
        return self._b.sub(a, self._as(b, a))

    def mul(self, a: Any, b: Any) -> Any:
        """Return a * b, modulo the width of a lane."""
        return self._b.mul(a, self._as(b, a))

    def high(self, a: Any, b: Any) -> Any:
        """Return the upper half of the unsigned product."""
        bits = a.type.element.width
        wide = self._b.mul(self.widen(a, 2 * bits), self.widen(self._as(b, a), 2 * bits))
        return self.narrow(self.down(wide, bits), bits)

    def up(self, a: Any, by: int) -> Any:
        """Return a << by."""
        return self._b.shl(a, self._as(by, a))

    def down(self, a: Any, by: int) -> Any:
        """Return a >> by, with zeros from above."""
        return self._b.lshr(a, self._as(by, a))

    def down_signed(self, a: Any, by: int) -> Any:
        """Return a >> by, with the sign from above."""
        return self._b.ashr(a, self._as(by, a))

    def both(self, a: Any, b: Any) -> Any:
        """Return a & b."""
        return self._b.and_(a, self._as(b, a))

    def either(self, a: Any, b: Any) -> Any:
        """Return a | b."""
        return self._b.or_(a, self._as(b, a))

    def differ(self, a: Any, b: Any) -> Any:
        """Return a ^ b."""
        return self._b.xor(a, self._as(b, a))

    def below(self, a: Any, b: Any) -> Any:
        """Return 1 in the lanes where a < b, unsigned, in one bit."""
        return self._b.icmp_unsigned("<", a, self._as(b, a))

    def equal(self, a: Any, b: Any) -> Any:
        """Return 1 in the lanes where a == b, in one bit."""
        return self._b.icmp_unsigned("==", a, self._as(b, a))

    def choose(self, bit: Any, a: Any, b: Any) -> Any:
        """Return a in the lanes where `bit` is set, b in the others."""
        return self._b.select(bit, a, self._as(b, a))

    def bits(self, lanes: Any) -> Any:
        """Return all lanes as one integer, lane 0 lowest: of one-bit lanes, a bit each."""
        return self._b.bitcast(lanes, ir.IntType(lanes.type.count * lanes.type.element.width))

    def lanes(self, value: Any, bits: int) -> Any:
        """Return an integer as lanes, the lowest bits in lane 0."""
        kind = ir.VectorType(ir.IntType(bits), value.type.width // bits)
        return self._b.bitcast(value, kind)

    def least(self, a: Any, b: Any) -> Any:
        """Return the smaller, unsigned."""
        return self._call("umin", a, self._as(b, a))

    def most(self, a: Any, b: Any) -> Any:
        """Return the larger, unsigned."""
        return self._call("umax", a, self._as(b, a))

    def less(self, a: Any, b: Any) -> Any:
        """Return a - b, but not below 0."""
        return self._call("usub.sat", a, self._as(b, a))

    def weigh(self, a: Any, b: Any, by: tuple[int, int]) -> Any:
        """Return a * by[0] + b * by[1] in lanes twice as wide; lanes and numbers have signs.

        In this form it is one instruction on x86.
        """
        pairs = self.widen_signed(self.interleave(a, b), 2 * a.type.element.width)
        products = self._b.mul(pairs, ir.Constant(pairs.type, list(by) * a.type.count))
        return self._b.add(self.every(products, 2), self.every(products, 2, 1))

    # -- across the lanes ---------------------------------------------------------------------

    def total(self, a: Any, bits: int) -> Any:
        """Return the sum of all lanes, widened before, as a number of so many bits."""
        wide = self.widen(a, bits) if bits > a.type.element.width else a
        return self._reduce("add", wide)

    def largest(self, a: Any) -> Any:
        """Return the largest lane, unsigned."""
        return self._reduce("umax", a)

    # -- numbers ------------------------------------------------------------------------------

    def number(self, value: Any, bits: int) -> Any:
        """Return a number of another width, unsigned."""
        kind = ir.IntType(bits)
        return self._b.zext(value, kind) if value.type.width < bits else self._b.trunc(value, kind)

    def lowest(self, value: Any) -> Any:
        """Return the place of the lowest bit that is set in a number; its width where none is."""
        return self._count_zeros("cttz", value)

    def length(self, value: Any) -> Any:
        """Return how many bits a number needs; none for 0."""
        return self._b.sub(value.type(value.type.width), self._count_zeros("ctlz", value))

    def ones(self, value: Any) -> Any:
        """Return how many bits of a number are 1."""
        return self._number("ctpop", value)

    def plus(self, index: Any, other: Any) -> Any:
        """Return the sum of two numbers of one width; `other` may be known now."""
        return self._b.add(index, index.type(other) if isinstance(other, int) else other)

    def times(self, index: Any, by: int) -> Any:
        """Return a multiple of a number."""
        return self._b.mul(index, index.type(by))

    def half(self, index: Any) -> Any:
        """Return half of a number, rounded down."""
        return self._b.ashr(index, index.type(1))

    def repeat(self, times: Any, step: Callable[[Any, Any], Any], start: Any) -> Any:
        """Return what `step(turn, value)` makes of `start` after so many turns, in registers."""
        held = cgutils.alloca_once_value(self._b, start)
        with cgutils.for_range(self._b, times) as loop:
            self._b.store(step(loop.index, self._b.load(held)), held)
        return self._b.load(held)

    # -- within -------------------------------------------------------------------------------

    @staticmethod
    def _places(lanes: list[int]) -> Any:
        return ir.Constant(ir.VectorType(_I32, len(lanes)), lanes)

    @staticmethod
    def _like(value: Any, bits: int) -> Any:
        return ir.VectorType(ir.IntType(bits), value.type.count)

    @staticmethod
    def _as(value: Any, like: Any) -> Any:
        if isinstance(value, int):
            return ir.Constant(like.type, [value] * like.type.count)
        return value

    def _call(self, word: str, *values: Any) -> Any:
        kind = values[0].type
        name = f"llvm.{word}.v{kind.count}i{kind.element.width}"
        function = ir.FunctionType(kind, [kind] * len(values))
        call = cgutils.get_or_insert_function(self._b.module, function, name)
        return self._b.call(call, values)

    def _count_zeros(self, word: str, value: Any) -> Any:
        return self._number(word, value, ir.IntType(1)(0))

    def _number(self, word: str, value: Any, *settings: Any) -> Any:
        kinds = [value.type, *(setting.type for setting in settings)]
        function = ir.FunctionType(value.type, kinds)
        name = f"llvm.{word}.i{value.type.width}"
        call = cgutils.get_or_insert_function(self._b.module, function, name)
        return self._b.call(call, [value, *settings])

    def _reduce(self, word: str, value: Any) -> Any:
        kind = value.type
        name = f"llvm.vector.reduce.{word}.v{kind.count}i{kind.element.width}"
        function = ir.FunctionType(kind.element, [kind])
        call = cgutils.get_or_insert_function(self._b.module, function, name)
        return self._b.call(call, [value])


def block(returns: Any = types.void) -> Callable[[Callable[..., Any]], Any]:
    """Make an operation that numba code can call of a function that emits one block.

    Parameters
    ----------
    returns
        numba type of what the block gives back; void for nothing.

    Returns
    -------
    A decorator. The function gets an `Emit`, then for each argument of the call the address of the
    first item of an array, an integer as it is, or a tuple of these (numba counts in 64 bits).
    """

    def decorate(emit: Callable[..., Any]) -> Any:
        def typed(_context: Any, *kinds: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                given = [
                    _given(context, builder, kind, value)
                    for kind, value in zip(signature.args, values, strict=True)
                ]
                result = emit(Emit(builder), *given)
                return context.get_dummy_value() if result is None else result

            return returns(*kinds), generate

        # numba asks the signature how many arguments there are, and under which names.
        typed.__signature__ = inspect.signature(emit)  # type: ignore[attr-defined]
        typed.__name__ = emit.__name__
        operation: Any = intrinsic(typed)
        operation.emit = emit  # for who wants a block alone, for another processor
        return operation

    return decorate


def _given(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        return context.make_array(kind)(context, builder, value).data
    if isinstance(kind, types.Tuple | types.UniTuple):
        parts = zip(kind.types, cgutils.unpack_tuple(builder, value), strict=True)
        return [_given(context, builder, of, part) for of, part in parts]
    return value
