# %% [markdown]
# # Smaller models: a fraction of the bytes, nearly the same places
# An app that is to be downloaded in a street should not bring three megabytes of weights along,
# and AlexNet's were 240. In this notebook a trained hash network is pruned, its weights learn to
# share a few values, and Huffman's code does the rest, into a file that you can write, damage,
# read back and compare bit by bit. Five other ways to say a matrix in few numbers stand beside it.

# %% [markdown]
# | Minutes | Needs | You will be able to |
# |---|---|---|
# | 100 | notebook 03: a hash network; notebook 06: what a layer costs | prune, share and code the weights of a network, and teach it on in between; count a file honestly, codebooks and all; explain hashed weights, product quantisation, Fastfood and the Quantized CNN; say what a small file does not buy |

# %%
import numpy as np
import torch
from torch import nn

from mvs_lib import paths
from mvs_lib.benchmarks import report
from mvs_lib.compress.folding import folded
from mvs_lib.course.check import check, finish, use
from mvs_lib.course.compression_chart import compression_chart
from mvs_lib.course.figure import PALETTE, show, subplots
from mvs_lib.course.quiz import quiz
from mvs_lib.course.source import show_source
from mvs_lib.datasets import campus
from mvs_lib.deep import checkpoint, compressed, encode

# %% [markdown]
# ## The end result first
# The network of the campus, as it was trained, and as small as it gets while it loses less than one
# point of MAP (the ring; on the right you see the best ones apart). Every dot but *8 bits* is a file
# that was written, read back and found equal.

# %%
measured = [row for row in report.load("compress")["rows"] if row["net"] == "campus"]
smaller = [r for r in measured if r["size_ratio"] > 1.5 or r["method"] == "original"]
good = [row for row in smaller if row["map"] >= row["map_before"] - 0.01]
best = max(good, key=lambda row: row["size_ratio"])
figure, alt = compression_chart(smaller, "bytes", best)
show(figure, alt=alt)
print(
    f"{best['method']}: {best['file_bytes']:,} bytes, {best['size_ratio']:.0f} times smaller;",
    end=" ",
)
print(f"MAP {best['map']:.3f} (before {best['map_before']:.3f})")

# %% [markdown]
# ## Who may go?
# Han, Mao and Dally (2016) begin with the plainest question: which weights are so small that nobody
# would miss them? They are set to 0, and the network learns on without them.
#
# ### Exercise 7.1 · 10 min
# Keep the `kept` largest weights, a whole number, whatever their sign, and set the others to 0. Of
# equal ones the first in reading order stay.


# %%
def pruned(weights, kept):
    """Exercise 7.1: all but the largest weights 0; of equal ones the first stay.

    Real, any shape, and a number -> real, the same shape.
    """
    ### BEGIN SOLUTION
    order = np.argsort(-np.abs(weights).ravel(), kind="stable")[:kept]
    out = np.zeros(weights.size)
    out[order] = weights.ravel()[order]
    return out.reshape(weights.shape)
    ### END SOLUTION


# %%
check("7.1", pruned)

# %% [markdown]
# Here is what that does to the trained network, without any learning in between, all layers alike.
# We watch the bits of 81 queries: how many of them flip? (The cell prunes by your function.)

# %%
from copy import deepcopy

pruned = use("7.1", pruned)
network, _ = checkpoint.load(paths.checkpoints() / "campus_ssdh_48.safetensors")
network = folded(network)
split = campus.load(progress=False)
some = split.query.images[::20]
before = encode(network, some)


def cut(share):
    """The network, every layer pruned to a share of its weights."""
    new = deepcopy(network)
    for name in layers:
        weight = new.get_submodule(name).weight
        left = pruned(weight.detach().numpy(), round(share * weight.numel()))
        weight.data = torch.from_numpy(left).to(weight)
    return new


# %%
layers = [name for name, each in network.named_modules() if isinstance(each, nn.Conv2d | nn.Linear)]
layers.remove("classifier")
shares, flipped = (0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1), []
for share in shares:
    after = encode(cut(share), some)
    flipped.append((np.bitwise_count(before ^ after)).sum() / (48 * len(some)))
figure, axes = subplots(figsize=(6.4, 2.8))
axes.plot(shares, np.round(100 * np.array(flipped), 1), "o-")
axes.set(xlabel="share of the weights that stay", ylabel="bits flipped, %")
show(figure, alt="Share of flipped bits by the share of weights that stay, without learning on.")

# %% [markdown]
# Read it from right to left. With nine tenths of the weights left, hardly a bit flips; with half of
# them, every fifth one; with a tenth, every second, and the code is a tossed coin. But a network
# that learns on with its zeros finds other ways: pruned a little, taught, pruned a little more, and
# so on, it does with a tenth or two of its weights. The zeros must stay zeros meanwhile: their
# gradients, and the momentum (what is left of earlier steps), would move them again. So the mask is
# a part of the layer. (And it learns with its normalisations, as in notebook 06.)

# %%
from mvs_lib.compress import pruning

show_source(pruning.Mask, docstring=False)
show_source(pruning.prune_gradually, docstring=False)

# %% [markdown]
# ## Few values for many weights
# What is left need not be exact either. All weights of a layer are clustered to, say, fifteen
# values, by $k$-means (each weight joins its nearest value, each value moves to the mean of its
# weights, in turns); a weight is then a label of four bits. And the values learn on: a weight's
# gradient goes to the value that it shares.
#
# | In symbols | In words |
# |---|---|
# | $W_{ij} = c_{I_{ij}}$ | the weight is the value that its label names |
# | $\frac{\partial L}{\partial c_k} = \sum_{I_{ij} = k} \frac{\partial L}{\partial W_{ij}}$ | a value learns from all weights that have it |
#
# ### Exercise 7.2 · 10 min
# Compute the values' gradients.


# %%
def codebook_gradient(gradient, labels, k):
    """Exercise 7.2: the gradient of each of k values; real and labels of one shape -> real (k,)."""
    ### BEGIN SOLUTION
    return np.bincount(labels.ravel(), gradient.ravel(), minlength=k)
    ### END SOLUTION


# %%
check("7.2", codebook_gradient)

# %% [markdown]
# One thing to mind: thousands of weights add their gradients up, so that a step that suits a weight
# is thousands of times too long for a value. The library lets $c_k \sqrt{n_k}$ learn, with $n_k$
# weights a value. The roots meet twice, once in the gradient and once in the step, and a value
# moves by the *mean* of what its weights would have done by themselves.
#
# Where should $k$-means begin? Han's answer is a surprise: evenly between the smallest and the
# largest weight, not where the weights are. After pruning most of what is left lies just beyond the
# threshold, in two hills; centres drawn from the weights crowd there, and leave the few large
# weights, which matter most, with a poor value. (The picture shows the price: a few values between
# the hills find nobody and stay idle. The file leaves them out.)

# %%
from mvs_lib.compress.weight_sharing import cluster

weights = network.get_submodule("trunk.stages.5.body.0").weight.detach().numpy().ravel()
large = np.sort(np.abs(weights))[-weights.size // 10 :][0]
left = weights[np.abs(weights) >= large].astype(np.float64)
centres, members = cluster(left, 15)
figure, axes = subplots(figsize=(6.4, 2.6))
axes.hist(left, 80, color=PALETTE[0], alpha=0.5)
axes.plot(centres, np.zeros(15), "o", color=PALETTE[1], label="values")
axes.set(xlabel="weight", ylabel="how many")
axes.legend()
show(
    figure, alt="The tenth of a layer's weights that is left: two hills; fifteen values below them."
)

# %% [markdown]
# ## Frequent symbols in few bits
# Where the weights that are left *are* must be stored, too: not their places, but the gap from each
# to the one before, in a few bits. A gap that does not fit is bridged by a filler, a stored 0.
#
# Labels are not all equally frequent, and neither are the gaps. Huffman
# (1952) gives frequent symbols short codes: join the two rarest, again and again, and every symbol
# gets a bit each time its group is joined.
#
# ### Exercise 7.3 · 20 min
# How many bits do all symbols take together? (You need not make the codes.) A symbol that never
# occurs takes none; one that is alone still takes a bit each time. `heapq` finds the smallest.


# %%
def huffman_bits(counts):
    """Exercise 7.3: the bits of all symbols together; whole numbers (n,) -> a whole number."""
    ### BEGIN SOLUTION
    import heapq

    heap, total = [int(count) for count in counts if count], 0
    if len(heap) == 1:
        return heap[0]
    heapq.heapify(heap)
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both
        heapq.heappush(heap, both)
    return total
    ### END SOLUTION


# %%
check("7.3", huffman_bits)

# %%
from mvs_lib.compress.sparse_coding import gaps

huffman_bits = use("7.3", huffman_bits)
labels = np.zeros(weights.size, np.int64)
labels[np.abs(weights) >= large] = members + 1
for bits in (3, 4, 5, 6):
    gap, value = gaps(labels, bits)
    plain = len(gap) * (bits + 4)
    coded = huffman_bits(np.bincount(gap)) + huffman_bits(np.bincount(value))
    print(
        f"gaps of {bits} bits: {len(gap):6,} entries, {(value == 0).sum():5,} of them fillers;",
        end=" ",
    )
    print(f"{plain // 8:6,} bytes, by Huffman {coded // 8:6,}")

# %% [markdown]
# Too few bits, too many fillers; too many bits, and each gap is dear, before Huffman at least. The
# library tries several widths and takes the best, layer by layer.
#
# ## A real file
# A ratio is worth what the file is worth. Ours has a header and a checksum; codebooks, lengths of
# codes and biases count like everything else; and it comes back equal to the last bit. Without any
# learning on, to see the mechanics (and without the classifier, which stays at home):

# %%
import tempfile
from pathlib import Path

from mvs_lib.compress.layers import replaced
from mvs_lib.compress.weight_sharing import shared

folder = Path(tempfile.mkdtemp())
sparse = pruning.pruned(network, dict.fromkeys(layers, 0.2))
small = shared(sparse, dict.fromkeys(layers, 15))
for name, each in (("as trained", network), ("pruned", sparse), ("pruned and shared", small)):
    sent = replaced(each, {"classifier": nn.Identity()})
    size = compressed.save(sent, folder / "network.small")
    print(f"{name:18} {size:9,} bytes")

# %%
again, _ = compressed.load(folder / "network.small")
alike = all(
    torch.equal(a.weight, again.get_submodule(n).weight)
    for n, a in ((name, small.get_submodule(name)) for name in layers)
)
print("read back equal to the last bit:", alike)
data = bytearray((folder / "network.small").read_bytes())
data[len(data) // 2] ^= 1
(folder / "damaged.small").write_bytes(data)
try:
    compressed.load(folder / "damaged.small")
except ValueError as error:
    print(str(error).replace(str(folder), "..."))

# %% [markdown]
# ## Turn the dial
# Now with learning in between, measured. *Mild*, *moderate*, *middle* and *strong* keep fewer and
# fewer weights, in 15 values a layer, *strong* in 7. *Values taught*: the values learned on.
# *16-bit values*: whatever is no label takes 16 bits. **Predict** before you turn it. (1) Pruned
# weights alone, in 32 bits each: how much smaller is the file? (2) How many of the bits flip in the
# strongest setting, and how much does MAP mind?

# %% tags=["panel"]
from mvs_lib.widgets.compression_dial import CompressionDial

panel = CompressionDial(report.load("compress")["rows"])
panel

# %%
panel.method.value = "deep compression"
for number in range(1, panel.strength.max + 1):
    panel.strength.value = number
    print(panel.summary())

# %% [markdown]
# Compared with what? The small network has seen the photos a good many times more than the one that
# it came from. So there is a control: the whole network, taught on as long as one round of pruning,
# and nothing taken away. What the small one loses against *that* is the least that its bytes cost:
# it has learned on three times as long.

# %%
control = next(row for row in measured if row["method"].startswith("taught on"))
print(
    f"as it was trained: MAP {control['map_before']:.3f}; taught on: {control['map']:.3f};", end=" "
)
print(f"{best['size_ratio']:.0f} times smaller: {best['map']:.3f}")

# %% [markdown]
# Bits flip, and the places are found all the same. Must the server encode its database anew with
# the small network, or may it keep the codes of the large one? And how much of the small file is
# the doing of gaps and Huffman? `zlib`, which knows nothing of networks, is the control:

# %%
print(f"{'':42}    bytes  by zlib  MAP    database as before")
for row in measured:
    if row["method"].startswith("deep compression") and row["method"].endswith(
        ("pruned", "values")
    ):
        print(f"{row['method']:42} {row['file_bytes']:8,} {row['zlib_bytes']:8,}", end="  ")
        print(f"{row['map']:.3f}  {row['map_mixed']:.3f}")

# %% [markdown]
# Of shared weights, gaps and Huffman make less than two thirds of what zlib makes. Of weights that
# are only pruned they make hardly less: in 32 bits nearly every one is a value of its own, which no
# code can shorten, and only the gaps are short. And keeping the old codes costs less than a
# hundredth; where the small network is poor it even helps, because the large one's codes are the
# better ones.
#
# ## Other ways to say a matrix
# | Method | What is stored of $n \times m$ weights |
# |---|---|
# | signs, few values (Gong and others, 2014) | a label a weight, and the values |
# | product quantisation (Gong and others, 2014) | a label for each piece of a row, and $k$ codewords a column block |
# | HashedNets (Chen and others, 2015) | $K$ numbers; a hash function deals them out to all places |
# | merged neurons (Srinivas and Babu, 2015) | fewer rows: two neurons that say the same become one |
# | adaptive Fastfood (Yang and others, 2015) | three diagonals; Hadamard's matrix, which needs no weights, mixes |
#
# Product quantisation cuts the $m$ columns into $s$ blocks, and $32\,n m$ bits become
# $32\,k m + n s \log_2 k$, of which the first are the codebooks. Fastfood writes $y = S H G P H B
# x$, with $S$, $G$, $B$ learned diagonals, $P$ a permutation drawn once, and $H$ Hadamard's matrix
# of $\pm 1$, which takes $d \log_2 d$ additions and no memory: $3 d$ numbers instead of $d^2$.
#
# On our network they have one large linear layer to work on, 28 % of the weights, and so they win
# little; in AlexNet it would be 96 %. What they cost:

# %%
for row in measured:
    if "linear layers" in row["method"] or row["method"].startswith("merged"):
        print(f"{row['method']:52} {row['size_ratio']:.2f} times smaller, MAP {row['map']:.3f}")

# %% [markdown]
# HashedNets are the boldest: the file holds no matrix at all, only $K$ numbers and a seed. (In
# memory our layer does deal the matrix out, to multiply quickly.)

# %%
from mvs_lib.compress.hashed_net import HashedLinear, deal

show_source(HashedLinear.weight.fget, docstring=False)
index, sign = deal((12, 24), 8, seed=0)
figure, axes = subplots(figsize=(6.4, 2.8))
picture = axes.imshow(((index + 1) * sign).numpy(), cmap="cividis")
axes.set(xlabel="input", ylabel="output")
axes.grid(False)
figure.colorbar(picture, ax=axes, label="which weight, and its sign")
show(figure, alt="A matrix of 12 by 24 places that share eight weights, dealt out as if by chance.")

# %% [markdown]
# ## Looking up instead of multiplying
# The survey's favourite is the *Quantized CNN* of Wu and others (2016). Pieces of the kernels are
# one of $K$ codewords. A pixel's products with all codewords are computed once and kept in a
# table; each output looks up what it needs, and adds.
#
# ### Exercise 7.4 · 15 min
# Compute a layer by looking up: `x` has $M$ pieces of $C'$ numbers, each piece has $K$ codewords,
# and `labels` says which of them each of $T$ outputs wants.


# %%
def looked_up(x, codebooks, labels):
    """Exercise 7.4: the outputs; real (M, C'), real (M, K, C') and labels (M, T) -> real (T,)."""
    ### BEGIN SOLUTION
    table = np.einsum("mc,mkc->mk", x, codebooks)
    return np.take_along_axis(table, labels, axis=1).sum(axis=0)
    ### END SOLUTION


# %%
check("7.4", looked_up)

# %% [markdown]
# The codewords come from $k$-means, and here is the part that the authors never released: the
# *error correction*. Given what the layer really reads and what it should say, each codeword gets
# its best value and each label its best codeword, in turns. No turn can raise the error.

# %%
from mvs_lib.compress.error_correction import correct
from mvs_lib.compress.quantized_cnn import quantized
from mvs_lib.compress.reconstruction import responses

photos = torch.from_numpy(split.source.images[::40])
name = "trunk.stages.5.body.0"
layer, (read, said) = network.get_submodule(name), responses(network, name, photos)
words = quantized(layer, length=8, k=32)
_, errors = correct(layer, words, read, said, turns=5)
figure, axes = subplots(figsize=(6.4, 2.6))
axes.plot(np.round(100 * np.array(errors), 2), "o-")
axes.set(xlabel="turns", ylabel="error on its own photos, %", ylim=(0, None))
show(figure, alt="The error of a layer's outputs falls with the turns of the correction.")

# %% [markdown]
# What does it save? Each input pixel takes $C K$ multiplications for its tables, each output $d^2
# M$ additions: $H_{in} W_{in} C K + H W T d^2 M$ operations in the place of $H W T C d^2$. On
# AlexNet's shapes, with the settings read off the authors' released files, that comes to within two
# percent of what they state, 4.15 times, and of their files' 12.60 MiB:

# %%
from mvs_lib.phone.paper_stack import alexnet_operations

whole = alexnet_operations()
print(f"{whole.direct / 1e6:.1f} million multiplications,", end=" ")
print(f"{whole.look_up / 1e6:.1f} million operations by looking up:", end=" ")
print(f"{whole.direct / whole.look_up:.2f} times fewer; {whole.bits / 8 / 2**20:.2f} MiB")

# %% [markdown]
# Operations, mind, not milliseconds. `python -m mvs_lib bench look_up` has timed every layer of
# that network in three ways: plain loops that do one thing after another, as the authors' program
# on the phone did; the same loops with the vectors of today's processor; and a tuned library that
# multiplies, against looking up with vectors. Above 1, looking up is the quicker way.

# %%
timed = report.load("look_up")["rows"]
print(f"{'':5} {'counted':>10} {'one by one':>10} {'vectors':>10} {'a library':>10}")
for layer in dict.fromkeys(row["layer"] for row in timed):
    plain, quick = (row for row in timed if row["layer"] == layer)
    ratios = plain["operations_ratio"], plain["time_ratio"], quick["time_ratio"]
    print(f"{layer:5}", *(f"{value:10.2f}" for value in (*ratios, quick["library_ratio"])))

# %% [markdown]
# One by one, looking up is about three times as fast, and three is what the authors measured, too.
# With vectors, multiplying catches up: sixteen products at a time, against one look-up after
# another. In the convolutions a library that keeps its numbers close leaves looking up far
# behind. Not in `fc6` and `fc7`: there every weight is fetched from memory for a single product,
# and a label of one byte stands for several. In `fc8` it stands for one, and nothing is won.

# %%
for row in measured:
    if row["method"].startswith(("looked up", "8 bits")):
        print(
            f"{row['method']:22} {row['size_ratio']:4.1f} times smaller, MAP {row['map']:.3f};",
            end=" ",
        )
        times = max(row["time_ratio"], 1 / row["time_ratio"])
        print(f"{times:.0f} times as {'fast' if row['time_ratio'] > 1 else 'slow'}")

# %% [markdown]
# The first two lines are our network by looking up, the last is today's yardstick: eight bits a
# number, four times smaller and, where the processor has instructions for it, faster too. No
# pruning, no codebooks, one call. Whoever proposes more must beat it.
#
# ## Quiz
# Tab to an option, choose it with Enter; the reason appears below.

# %%
quiz("07")

# %% [markdown]
# ## Summary
# - Small weights can go, in rounds, with learning in between; the mask keeps them away.
# - A layer does with fifteen values; they learn from all the weights that share them.
# - Gaps and labels, Huffman coded, make a file; codebooks count; zlib is the control.
# - Look at MAP, not at flipped bits. Compare with a network that learned on as well, not only with
#   the one it came from.
# - A small file is quick to send. It is not quick to run, unless the operations change, too.
#
# ## On a real phone
# The file is what is downloaded; in memory the weights are whole again. If memory is what you
# lack, leave them as labels and look them up, or use eight bits, which phones compute with as they
# are.
#
# ## Next
# Notebook 08 puts the network on a phone: first a simulated one, then yours.

# %%
finish("07")
