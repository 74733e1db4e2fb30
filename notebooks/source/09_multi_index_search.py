# %% [markdown]
# # Multi-index search: exact, without looking at every code
# A linear search compares the query with every code, and for ten thousand codes nothing is better.
# For ten million it is a waste: nearly all of them are far away. In this notebook you will make a
# search that knows beforehand where the near ones lie, stops as soon as nothing nearer can come,
# and still gives the very same answers, to the last tie (a tie: two codes equally far away).

# %% [markdown]
# | Minutes | Needs | You will be able to |
# |---|---|---|
# | 80 | notebook 00: codes, Hamming distance, linear search | look up codes by a part of their bits; prove with pigeons that none is missed; say when a search may stop; choose substrings that suit the bits; tell when a table helps and when it does not |

# %%
import numpy as np

from mvs_lib.benchmarks import report
from mvs_lib.benchmarks.search_data import clustered, queries_near, uniform
from mvs_lib.codes import hamming_distance, unpack
from mvs_lib.course.check import check, finish, use
from mvs_lib.course.figure import PALETTE, show, subplots
from mvs_lib.course.quiz import quiz
from mvs_lib.course.source import show_source
from mvs_lib.course.walk_chart import walk_chart
from mvs_lib.search.linear import LinearIndex
from mvs_lib.search.multi_index import MultiIndex
from mvs_lib.search.walk import walk

# %% [markdown]
# ## The end result first
# Three hundred thousand codes of 64 bits, made to resemble what hash functions make of photos: five
# thousand groups of different tightness, bits that are mostly 1 or mostly 0, and correlated.
# Queries are codes of the database, each bit flipped with a chance of one in twenty. First, search
# as you know it.

# %%
bits, n, k = 64, 300_000, 10
codes = clustered(n, bits, seed=0)
queries = queries_near(codes, bits, 200, seed=0)

index = LinearIndex(bits=bits)
index.add(codes)
distances, ids = index.search(queries, k=k)
print(f"{n:,} codes compared for each query; the first query's answers: {distances[0]} bits")

# %% [markdown]
# And now with one line changed. (We fix the shape of its tables here, so that everybody sees the
# same numbers; left alone, it measures on your computer what is quickest.)

# %%
index = MultiIndex(bits=bits, tables=4, width=14, way="tables")
index.add(codes)
found, found_ids = index.search(queries, k=k)
buckets, candidates = index.effort(queries, k=k)
print("the same distances:", np.array_equal(found, distances), end="; ")
print("the same ids:", np.array_equal(found_ids, ids))
print(f"{np.median(candidates):,.0f} comparisons in {np.median(buckets):,.0f} buckets:", end=" ")
print(f"{100 * np.median(candidates) / n:.2f} % of those of the linear search")

# %% [markdown]
# Equal answers, a small share of the work. Time it yourself with `%timeit index.search(queries,
# k=10)`; the times that we measured stand at the end. (The first search of all takes some seconds:
# it compiles.) Nothing here is approximate, and that is rare: the popular quick indexes miss some
# neighbours, and you have to measure how many. This one is exact, so that whoever builds on it need
# not ask.
#
# ## A table of buckets
# Take a few of the bits, a *substring*, and read them as a number, the *key*. Codes with equal
# keys go into one bucket, and all buckets together are a *table*. Whoever looks for codes with a
# certain key opens one bucket.
#
# ### Exercise 9.1 · 10 min
# `values` are codes as 0 and 1, in bytes; `part` says which bits belong to the substring, the first
# one counting most.


# %%
def substring_keys(values, part):
    """Exercise 9.1: the key of each code.

    0/1 values, uint8 (n, bits), and the numbers of w bits (w,) -> whole numbers (n,).
    """
    ### BEGIN SOLUTION
    weights = 1 << np.arange(len(part))[::-1]
    return values[:, part] @ weights
    ### END SOLUTION


# %%
check("9.1", substring_keys)

# %% [markdown]
# Four substrings of 14 bits. How full are their buckets? With fair, independent bits each of the
# 16,384 would hold about eighteen codes.

# %%
substring_keys = use("9.1", substring_keys)
values = unpack(codes, bits)
parts = index.substrings
figure, axes = subplots(figsize=(6.4, 2.8))
for table, part in enumerate(parts):
    sizes = np.bincount(substring_keys(values, part), minlength=1 << len(part))
    axes.plot(np.sort(sizes)[::-64], label=f"table {table}")
    print(f"table {table}: {(sizes == 0).mean():.0%} of the buckets are empty,", end=" ")
    print(f"half hold {np.median(sizes):.0f} or fewer, the fullest {sizes.max():,} codes")
axes.set(xlabel="buckets, the fullest first (every 64th)", ylabel="codes in it", yscale="symlog")
axes.legend()
show(figure, alt="How many codes the buckets of four tables hold, the fullest first.")

# %% [markdown]
# Uneven bits make uneven buckets, and a query, being like the codes, mostly lands in a crowded
# one. Still: one bucket instead of all. But is the right code in it? One flipped bit in the
# substring, and the key is another.
#
# ## Why nothing is missed: pigeons
# Put $r$ pigeons or fewer into $m$ holes. If every hole held more than $\lfloor r / m \rfloor$ of
# them (brackets like these: rounded down), there would be more than $r$. So some hole has at most
# $\lfloor r / m \rfloor$. The pigeons are the bits in which two codes differ, the holes are the
# substrings of our $m$ tables, and $q^{(j)}$ is what substring $j$ has of the code $q$. No bit is
# in two substrings. Eight of our 64 bits are in none: a pigeon that sits in no hole only helps.
#
# | In symbols | In words |
# |---|---|
# | $d(q, x) \le r$ | the codes $q$ and $x$ differ in at most $r$ bits |
# | $\Rightarrow \exists j: d(q^{(j)}, x^{(j)}) \le \lfloor r / m \rfloor$ | so in some substring they differ in few |
#
# Whoever wants all codes within $r$ bits opens in *each* table all buckets whose keys differ in
# $\lfloor r/m \rfloor$ bits or fewer, and compares what lies there. Norouzi, Punjani and Fleet
# (2014) noticed that this is even a little more than needed. Call all keys at one distance a
# *shell*: at distance $s$ there are $\binom{14}{s}$ of them, 1, 14, 91, 364, 1,001. If table $j$
# has done the shells $0 \dots t_j$, a code that was *not* seen differs, in every substring $j$, in
# $t_j + 1$ bits or more, so in $\sum_j (t_j + 1)$ bits or more altogether. To be complete up to $r$
# bits, $r + 1$ shells will do. The paper deals them out in turn; the sum does not ask whose they
# are, so any order is as good, as long as each table does its shells from 0 upwards.
#
# ### Exercise 9.2 · 15 min
# Deal out the shells in turn, beginning with table 0. What is the last shell $t_j$ that each of
# `m` tables must do, to be complete up to `r` bits? A table that need not be searched at all gets
# $-1$. For $r = 4$ and $m = 4$ five shells are needed: $[1, 0, 0, 0]$.


# %%
def table_radii(r, m):
    """Exercise 9.2: the last shell of each table.

    Two whole numbers -> whole numbers (m,).
    """
    ### BEGIN SOLUTION
    shells = (r + 1) // m + (np.arange(m) < (r + 1) % m)
    return shells - 1
    ### END SOLUTION


# %%
check("9.2", table_radii)

# %% [markdown]
# Let us see whether the pigeons keep their word. For the first query we ask which codes differ in
# few enough bits of some substring, and whether all that lie within $r$ are among them.

# %%
table_radii = use("9.2", table_radii)
differ = values != unpack(queries[:1], bits)
apart = np.stack([differ[:, part].sum(1) for part in parts])
distance = hamming_distance(queries[:1], codes)[0]
for r in (3, 6, 9, 12):
    far = np.asarray(table_radii(r, len(parts)))
    shown = (apart <= far[:, None]).any(0)
    near = distance <= r
    print(f"r = {r:2}: tables to {far}, {shown.sum():7,} candidates,", end=" ")
    print(f"{near.sum():4} within r, {(near & ~shown).sum()} of them missed")

# %% [markdown]
# None, and none ever. But look how quickly the candidates grow. Everything now depends on stopping
# early.
#
# ## When to stop
# For the $k$ nearest there is no radius to begin with. So go shell by shell, keep the $k$ best
# codes seen so far, and compare two numbers: the distance of the $k$-th of them, which falls, and
# the *reach* $\sum_j (t_j + 1) - 1$ up to which everything has been seen, which rises by one with
# every shell. When they meet, no unseen code can be among the answers. (The search also ends when a
# table has done all of its shells: then it has seen every code.)
#
# ### Exercise 9.3 · 10 min
# `done` has $t_j$ for each table, $-1$ if no shell is done, and `kth` is the $k$-th distance so
# far. Mind the ties: of two codes at equal distances the one with the smaller id comes first, and
# it may still be unseen.


# %%
def may_stop(done, kth):
    """Exercise 9.3: whether no unseen code can be among the answers.

    Whole numbers (m,) and one whole number -> True or False.
    """
    ### BEGIN SOLUTION
    reach = np.sum(np.asarray(done) + 1) - 1
    return bool(kth <= reach)
    ### END SOLUTION


# %%
check("9.3", may_stop)

# %% [markdown]
# Here is a whole search, one shell at a time. `walk` follows the rules of the index, slowly and
# aloud; it knows how many codes a shell holds, where the index estimates it. In the figure: on the
# left the k-th distance falls and the reach rises until they meet; on the right what was looked at
# so far.

# %%
may_stop = use("9.3", may_stop)
walked = walk(codes, queries[:1], bits, parts, k)
done = np.full(len(parts), -1)
for step in walked.steps:
    done[step.table] = step.shell
    stops = step.kth is not None and may_stop(done, step.kth)
    kth = "unknown" if step.kth is None else step.kth
    print(f"table {step.table} shell {step.shell}: {step.buckets:3} buckets,", end=" ")
    print(f"{step.candidates:5,} candidates, {step.fresh:5,} of them new;", end=" ")
    print(f"k-th {kth}, reach {step.reach}: {'stop' if stops else 'go on'}")
figure, alt = walk_chart(walked.steps, len(walked.steps), n)
show(figure, alt=alt)

# %% [markdown]
# Two more ideas are in these lines. The tables do not take turns: the next shell is always the one
# that seems cheapest, which is allowed because the sum does not ask whose shells they are. And not
# every candidate is new: the later the shell, the more often a code was seen before, in another
# table. The index counts it once, and keeps no list of what it has seen. It asks: does this code
# lie within the finished shells of another table? Then it was there before.
#
# ## Make your own index
# **Predict** before you move it. (1) A hundred thousand codes, four tables: are wider substrings
# better? A bucket costs about as much as fifty codes; where does it turn? (2) What happens to the
# number of shells if you go from clustered codes to uniform ones, and why? (3) With one table only,
# when does the search end?

# %% tags=["panel"]
from mvs_lib.widgets.index_explorer import IndexExplorer


def make(generate):
    """A function of n and bits that returns codes and eight queries."""

    def made(n, bits):
        drawn = generate(n, bits, seed=1)
        return drawn, queries_near(drawn, bits, 8, seed=1)

    return made


panel = IndexExplorer({"clustered": make(clustered), "uniform": make(uniform)})
panel

# %%
panel.n.value = 100_000
for width in (8, 12, 16):
    panel.width.value = width
    print(panel.summary())
panel.width.value, panel.data.value = 12, "uniform"
print(panel.summary())
panel.data.value, panel.n.value, panel.tables.value = "clustered", 10_000, 1
print(panel.summary())
panel.tables.value, panel.shells.value = 4, 2
print(panel.summary())

# %% [markdown]
# Narrow substrings have few buckets, all full; wide ones have so many that a shell is mostly empty
# buckets. In between lies the best, here at 12 bits, somewhat below $\log_2 n = 16.6$. Uniform
# codes have no near neighbours: the $k$-th distance stays high, the reach has a long way to go.
# With one table every shell has to come from it, and shells grow: 1, 12, 66, 220 keys and so on.
# Here the table is used up first: after its thirteen shells every code has been compared.
#
# ## Which bits belong together?
# Any cut into substrings is exact. But if two bits of a substring always agree, half of its keys
# never occur, and the others are twice as crowded. So bits that are correlated should be in
# *different* substrings. `AdaptivePartition` sees to that; the survey asks for it (after Wan and
# others, 2013, whose text we could not get: this is our realisation). Four substrings of 14 bits
# leave eight bits out, too, and the adaptive order leaves out the eight most uneven ones. Here is
# what both are worth, in candidates; *within* is the sum of |correlation| over all pairs of bits
# that share a substring.

# %%
from mvs_lib.search.partition import correlation, objective

together = correlation(codes[:20_000], bits)
print(f"{'substrings':12} {'within':>18} {'candidates':>12} {'buckets':>9}")
for name in ("contiguous", "random", "greedy", "adaptive"):
    other = MultiIndex(bits=bits, tables=4, width=14, partition=name, way="tables")
    other.add(codes)
    looked, compared = other.effort(queries, k=k)
    within = objective(together, other.substrings)
    print(f"{name:12} {within:18.1f} {np.mean(compared):12,.0f} {np.mean(looked):9,.0f}")

# %% [markdown]
# It is a gift that costs nothing at search time: the order of the bits is chosen once, when the
# index is built.
#
# ## When a table does not help
# Long codes have far neighbours, and every bit of distance is one more shell. Few codes are
# compared sooner than any table is opened. So an index of 20,000 codes or more measures, when it is
# built, what each way costs on the computer that it stands on: tables, one comparison after
# another, eight queries at a time. Each search takes the cheapest. Should a query turn out harder
# than expected, it drops the tables in the middle of the search, once they have cost half a linear
# search by its reckoning, and compares with everything. This is how a search chooses:

# %%
from mvs_lib.search.planner import Plan

show_source(Plan.way, docstring=False)
show_source(Plan.probe_cost, docstring=False)

# %% [markdown]
# And this is where the time goes, the opening of one shell. It is Python that *numba* compiles;
# `near16` compares sixteen codes with the query in one go, in the widest registers that the
# processor has. The codes of a bucket lie side by side in memory, copied once for every table, and
# are read one after another; `prefetch` asks for the beginnings of sixteen buckets that are not
# empty before the first of them is read, so that there is less to wait for. `radius[j]` is $t_j$;
# `kept` holds the best codes so far and the bound, the k-th distance; `flips` goes through all
# numbers with as many ones as the shell says, so that `key ^ flips` goes through the shell.

# %%
from mvs_lib.search.probe import visit

show_source(visit.py_func, docstring=False)

# %% [markdown]
# ## An index that lives
# Codes come and go, and an index is worth keeping. A file is written whole or not at all, and
# checked when it is read. With `mmap=True` it stays on the disk while it is searched; with
# `verify=False` as well, for a file that was checked before, it is there at once.

# %%
import tempfile
from pathlib import Path

file = index.save(Path(tempfile.mkdtemp()) / "codes.index")
again = MultiIndex.load(file, mmap=True)
print("the same answers:", np.array_equal(again.search(queries, 5)[1], index.search(queries, 5)[1]))
again.remove(ids[0, :3])
again.add(queries[:1])
apart, number = again.search(queries[:1], k=1)
print(f"the nearest is now number {number[0, 0]:,}, at {apart[0, 0]} bits")

# %%
damaged = bytearray(file.read_bytes())
damaged[len(damaged) // 2] ^= 1  # one bit
print(f"one of {8 * len(damaged) / 1e6:.0f} million bits is flipped:")
bad = file.with_name("damaged.index")
bad.write_bytes(damaged)
try:
    MultiIndex.load(bad)
except ValueError as error:
    print(str(error).replace(str(bad), bad.name))

# %% [markdown]
# ## What it is worth, measured
# On one processor core, against faiss, a widely used search library: its linear search,
# `IndexBinaryFlat`, is quick, and our `LinearIndex` is built on it. Distinct queries, the two
# taking turns, medians of processor time; every answer is compared. A ratio of 3 means three times
# as fast. Three ways to take turns: *chunks*, fifty queries on ours, then the same fifty on faiss;
# *alternated*, query by query, where each pushes the other's codes out of the cache; *batches*, a
# hundred queries in one call. `python -m mvs_lib bench search` measures all of this again on your
# computer.

# %%
results = report.load("search")
rows = [row for row in results["rows"] if row["mode"] == "chunks" and row["bits"] == 64]
print(results["hardware"])
print(f"{'times faiss flat':18}", *(f"{f'{n:,}':>12}" for n in sorted({r["n"] for r in rows})))
for data in ("clustered", "uniform"):
    for answers in (1, 10, 100):
        row = [r for r in rows if (r["data"], r["k"]) == (data, answers)]
        cells = (f"{r['ratio_to_flat']:.1f}" for r in sorted(row, key=lambda r: r["n"]))
        print(f"{data:10} k = {answers:3}", *(f"{cell:>12}" for cell in cells))

# %%
figure, axes = subplots(figsize=(6.4, 3.2))
for place, data in enumerate(("clustered", "uniform")):
    ours = sorted((r["n"], r["microseconds"]) for r in rows if (r["data"], r["k"]) == (data, 10))
    axes.plot(
        *zip(*ours, strict=True), "o^"[place] + "-", color=PALETTE[place], label=f"ours, {data}"
    )
flat = sorted(
    (r["n"], r["flat_microseconds"]) for r in rows if (r["data"], r["k"]) == ("uniform", 10)
)
axes.plot(*zip(*flat, strict=True), "s--", color=PALETTE[2], label="faiss flat")
axes.set(xscale="log", yscale="log", xlabel="codes", ylabel="microseconds a query")
axes.legend()
show(figure, alt="Time of a query by the number of codes, 64 bits, k = 10: ours and faiss flat.")

# %%
for row in results["rows"]:
    if row["mode"] == "growth" and row["bits"] == 64 and row["k"] == 10:
        print(f"{row['data']:10} time grows with n to the power of {row['exponent']:.2f}", end="; ")
        print(f"faiss flat: {row['flat_exponent']:.2f}")
    elif row["mode"] == "exactness":
        print(f"{row['cases']:,} random cases, {row['mismatches']} answers that differ")

# %% [markdown]
# The powers are fitted from 100,000 codes on. A power of 1 means: twice the codes, twice the time.
# With a power of one half, a hundred times the codes cost ten times the time. That is what makes
# large indexes possible, and more so the more the codes keep together.
#
# With a thousand codes the call itself takes most of the time, and there is nothing to win. Do these
# made-up codes behave like real ones? Here are those of the networks of the course, on the campus
# and on CIFAR-10. The codes of one place, or of one class, are nearly equal, as clustered as can be.
# But they are too few for tables to pay (none were built): all of the gain comes from comparing
# well. And faiss is three times as slow with 48 bits as with 64, which its kernels are made for.

# %%
kept = [row for row in results["rows"] if row["data"].startswith(("campus", "cifar10"))]
modes = ("chunks", "alternated", "batches")
print(f"{'times faiss flat':16} {'codes':>7} {'tables':>7}", *(f"{mode:>10}" for mode in modes))
for data in dict.fromkeys(row["data"] for row in kept):
    own = {row["mode"]: row for row in kept if row["data"] == data and row["k"] == 10}
    ratios = (f"{own[mode]['ratio_to_flat']:10.1f}" for mode in modes)
    print(f"{data:16} {own['chunks']['n']:7,} {own['chunks']['tables']:7}", *ratios)

# %% [markdown]
# ## Quiz
# Tab to an option, choose it with Enter; the reason appears below.

# %%
quiz("09")

# %% [markdown]
# ## Summary
# - Codes that differ in few bits agree, or nearly, in some substring: look up substrings, compare
#   whole codes only with what turns up.
# - With shells up to $t_j$ done in table $j$, everything within $\sum (t_j + 1) - 1$ bits was
#   seen; the search stops when the $k$-th distance is within that reach.
# - Correlated bits belong in different substrings; a width somewhat below $\log_2 n$ is good.
# - Near neighbours make tables quick. Far ones, as among uniform or very long codes, do not, and a
#   good index measures before it chooses.
# - The index answers as the linear search does, ids and ties included. It grows, shrinks, lies in a
#   file, and refuses a damaged one.
#
# ## On a real phone
# The phone sends the code; all of this happens on the server. Or does it? A million codes of six
# bytes are six megabytes, no more than a few photos. They could travel with the app, which would
# compare with all of them, or build tables of its own, and know the place without a network.
#
# ## Next
# Notebook 10 puts the road together: the whole campus, from photo to place. And notebook 12 asks
# what to do when one machine is not enough.

# %%
finish("09")
