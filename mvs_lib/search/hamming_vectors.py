"""Hamming distances of many codes at once, in the processor's widest vectors.

The kernels of this room look at codes through the few functions below. Each is written straight
into LLVM's vector instructions (exclusive or, count the ones, compare), because an ordinary loop
over a bucket, with its short and changing length, is not turned into vectors by itself. LLVM fits
them to the machine: VPOPCNTQ on AVX-512, table look-ups on AVX2, CNT on ARM.

Codes lie in planes: word ``w`` of code ``i`` is ``codes[w * stride + i]``. A query of one word is
a uint64, one of several words a uint64 array; each function exists for both. They check nothing
and read up to 63 codes behind the last one asked for (`mvs_lib.search.code_store.PADDING`).
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "distance", "distance_within", "near16", "near64", "near_batch", "popcount",
    "prefetch", "trailing_zeros",
]  # fmt: skip

I64 = ir.IntType(64)
ONE_BATCH = 8  # queries that `near_batch` compares, and codes that it compares them with


def _data(context, builder, kind, value):
    """Return the pointer to an array's first element."""
    return context.make_array(kind)(context, builder, value).data


def _at(builder, pointer, index):
    return builder.gep(pointer, [index], source_etype=I64)


def _splat(builder, value, lanes):
    vector = ir.VectorType(I64, lanes)
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(I64, 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), zeros)


def _ones(builder, value):
    """Count the ones of an integer, or of each lane of a vector."""
    name = f"llvm.ctpop.v{value.type.count}i64" if isinstance(value.type, ir.VectorType) else None
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(value.type, [value.type]), name or "llvm.ctpop.i64"
    )
    return builder.call(function, [value])


def _load(builder, pointer, lanes):
    kind = ir.VectorType(I64, lanes)
    load = builder.load(builder.bitcast(pointer, kind.as_pointer()), typ=kind)
    load.align = 8
    return load


def _sum_over_words(context, builder, query_kind, query, stride, zero, one_word):
    """Add up ``one_word(offset of the plane, word of the query, number of the word)``."""
    if not isinstance(query_kind, types.Array):
        return one_word(ir.Constant(I64, 0), query, ir.Constant(I64, 0))
    words = context.make_array(query_kind)(context, builder, query)
    total = cgutils.alloca_once_value(builder, zero)
    with cgutils.for_range(builder, cgutils.unpack_tuple(builder, words.shape)[0]) as loop:
        word = builder.load(_at(builder, words.data, loop.index), typ=I64)
        offset = builder.mul(loop.index, stride)
        found = one_word(offset, word, loop.index)
        builder.store(builder.add(builder.load(total, typ=zero.type), found), total)
    return builder.load(total, typ=zero.type)


def _near(lanes):
    """Make the function that compares ``lanes`` neighbouring codes with a query."""

    def build(context, builder, signature, arguments):
        codes, start, stride, query, bound = arguments
        pointer = _data(context, builder, signature.args[0], codes)

        def one_word(offset, word, _):
            place = _at(builder, pointer, builder.add(start, offset))
            differing = builder.xor(_load(builder, place, lanes), _splat(builder, word, lanes))
            return _ones(builder, differing)

        zero = ir.Constant(ir.VectorType(I64, lanes), [0] * lanes)
        given = signature.args[3], query, stride, zero, one_word
        distances = _sum_over_words(context, builder, *given)
        near = builder.icmp_signed("<=", distances, _splat(builder, bound, lanes))
        mask = builder.bitcast(near, ir.IntType(lanes))
        return mask if lanes == 64 else builder.zext(mask, I64)

    return build


def _query(kind):
    """Return the type that a query is taken as: an array of words, or one word."""
    return kind if isinstance(kind, types.Array) else types.uint64


@intrinsic
def near16(typingctx, codes, start, stride, query, bound):
    """Return which of 16 codes from ``start`` on are within ``bound`` bits: bit i for code i."""
    kinds = codes, types.int64, types.int64, _query(query), types.int64
    return types.uint64(*kinds), _near(16)


@intrinsic
def near64(typingctx, codes, start, stride, query, bound):
    """Do what `near16` does, for 64 codes."""
    kinds = codes, types.int64, types.int64, _query(query), types.int64
    return types.uint64(*kinds), _near(64)


@intrinsic
def near_batch(typingctx, codes, start, stride, queries, bounds):
    """Compare 8 codes from ``start`` on with 8 queries: bit ``8 * query + code`` of the answer.

    ``queries`` holds word w of query j at ``[w, j]``, or at ``[j]`` if there is one word;
    ``bounds`` (8,) is the largest distance that counts, a query.
    """
    lanes = ONE_BATCH
    single = queries.ndim == 1

    def build(context, builder, signature, arguments):
        codes, start, stride, queries, bounds = arguments
        pointer = _data(context, builder, signature.args[0], codes)
        query_array = context.make_array(signature.args[3])(context, builder, queries)
        bound_pointer = _data(context, builder, signature.args[4], bounds)

        def counts(offset, row):
            loaded = _load(builder, _at(builder, pointer, builder.add(start, offset)), lanes)
            found = []
            for j in range(lanes):
                place = builder.add(row, ir.Constant(I64, j))
                word = builder.load(_at(builder, query_array.data, place), typ=I64)
                found.append(_ones(builder, builder.xor(loaded, _splat(builder, word, lanes))))
            return found

        if single:
            totals = counts(ir.Constant(I64, 0), ir.Constant(I64, 0))
        else:
            zero = ir.Constant(ir.VectorType(I64, lanes), [0] * lanes)
            sums = [cgutils.alloca_once_value(builder, zero) for _ in range(lanes)]
            words = cgutils.unpack_tuple(builder, query_array.shape)[0]
            with cgutils.for_range(builder, words) as loop:
                row = builder.mul(loop.index, ir.Constant(I64, lanes))
                for place, found in zip(
                    sums, counts(builder.mul(loop.index, stride), row), strict=True
                ):
                    builder.store(builder.add(builder.load(place, typ=zero.type), found), place)
            totals = [builder.load(place, typ=zero.type) for place in sums]
        answer = ir.Constant(I64, 0)
        for j, total in enumerate(totals):
            bound = builder.load(_at(builder, bound_pointer, ir.Constant(I64, j)), typ=I64)
            near = builder.icmp_signed("<=", total, _splat(builder, bound, lanes))
            mask = builder.zext(builder.bitcast(near, ir.IntType(lanes)), I64)
            answer = builder.or_(answer, builder.shl(mask, ir.Constant(I64, lanes * j)))
        return answer

    return types.uint64(codes, types.int64, types.int64, queries, bounds), build


@intrinsic
def distance(typingctx, codes, start, stride, query):
    """Return the distance of the code at ``start`` from the query, in bits."""

    def build(context, builder, signature, arguments):
        codes, start, stride, query = arguments
        pointer = _data(context, builder, signature.args[0], codes)

        def one_word(offset, word, _):
            stored = builder.load(_at(builder, pointer, builder.add(start, offset)), typ=I64)
            return _ones(builder, builder.xor(stored, word))

        given = signature.args[3], query, stride, ir.Constant(I64, 0), one_word
        return _sum_over_words(context, builder, *given)

    return types.int64(codes, types.int64, types.int64, _query(query)), build


@intrinsic
def distance_within(typingctx, codes, start, stride, query, masks, first):
    """Return the distance over the bits of a mask alone; its words are ``masks[first]`` and on."""

    def build(context, builder, signature, arguments):
        codes, start, stride, query, masks, first = arguments
        pointer = _data(context, builder, signature.args[0], codes)
        mask_pointer = _data(context, builder, signature.args[4], masks)

        def one_word(offset, word, number):
            stored = builder.load(_at(builder, pointer, builder.add(start, offset)), typ=I64)
            mask = builder.load(_at(builder, mask_pointer, builder.add(first, number)), typ=I64)
            return _ones(builder, builder.and_(builder.xor(stored, word), mask))

        given = signature.args[3], query, stride, ir.Constant(I64, 0), one_word
        return _sum_over_words(context, builder, *given)

    return types.int64(codes, types.int64, types.int64, _query(query), masks, types.int64), build


@intrinsic
def popcount(typingctx, value):
    """Count the ones of a uint64."""

    def build(context, builder, signature, arguments):
        return _ones(builder, arguments[0])

    return types.int64(types.uint64), build


@intrinsic
def trailing_zeros(typingctx, value):
    """Return the place of the lowest one of a uint64 that is not zero."""

    def build(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), build


@intrinsic
def prefetch(typingctx, codes, index):
    """Ask the memory for the cache line of ``codes[index]``; nothing waits for it."""

    def build(context, builder, signature, arguments):
        pointer = _data(context, builder, signature.args[0], arguments[0])
        place = _at(builder, pointer, arguments[1])
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]),
            "llvm.prefetch.p0",
        )
        flags = [ir.Constant(flag, value) for value in (0, 3, 1)]
        builder.call(function, [builder.bitcast(place, byte), *flags])
        return context.get_dummy_value()

    return types.none(codes, types.int64), build
