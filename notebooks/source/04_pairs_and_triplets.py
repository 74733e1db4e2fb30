# %% [markdown]
# # Pairs and triplets: learn from what is alike
# In notebook 03 a network learned the names of places, and its bits came along. Search asks for
# something else: that photos of one place lie near each other, and all others further away. Here
# you will say exactly that to a network, with pairs, with triplets and with whole rankings, push
# codes about with your own hands, and hold every method of the survey against the others, on one
# trunk.

# %% [markdown]
# | Minutes | Needs | You will be able to |
# |---|---|---|
# | 90 | notebook 03: latent units, the training loop, a loss and its terms | write the loss of a pair and of a triplet, and say where each stops teaching; tell two-stage methods from one-stage ones; leave out bits that weigh little; read a comparison of methods, and see what in it is the protocol's doing |

# %%
from dataclasses import replace

import numpy as np
import torch

from mvs_lib import paths
from mvs_lib.benchmarks import report
from mvs_lib.benchmarks.method_names import method_name
from mvs_lib.codes import hamming_distance, pack, unpack
from mvs_lib.course.check import check, finish, use
from mvs_lib.course.figure import PALETTE, show, show_images, subplots
from mvs_lib.course.quiz import quiz
from mvs_lib.course.source import show_source
from mvs_lib.datasets import campus
from mvs_lib.deep import checkpoint, encode
from mvs_lib.deep.methods import CNNH, CSQ, DHN, DNNH, DPSH, DRSCH, DSRH, METHODS, VECTOR_METHODS

# %% [markdown]
# ## The end result first
# Four networks come with the course for this notebook, trained on the campus from the same trunk,
# for the same number of epochs: DPSH learned from pairs of photos, DNNH from triplets, CNNH in two
# stages, and CSQ from centres that were given to the places in advance. Each makes 48 bits. We
# take every fourth source photo, and count the bits in which any two of them differ.

# %%
source = campus.load(progress=False).source
photos = source.take(np.arange(0, len(source), 4))
alike = photos.labels[:, None] == photos.labels
pairs = np.triu(np.ones_like(alike), 1)  # each pair once, no photo with itself
codes = {}
for name in ("CNNH", "DNNH", "DPSH", "CSQ"):
    network, _ = checkpoint.load(paths.checkpoints() / f"campus_{name.lower()}_48.safetensors")
    codes[name] = encode(network, photos.images)
print(f"{len(photos)} photos of {len(photos.names)} places")
print(f"{(alike & pairs).sum()} pairs of one place, {(~alike & pairs).sum()} pairs of two")

# %%
figure, axes = subplots(2, 2, figsize=(6.4, 4), sharex=True)
for axis, (name, code) in zip(axes.flat, codes.items(), strict=True):
    distance = hamming_distance(code, code)
    for pair, label in ((alike, "one place"), (~alike, "two places")):
        counts = np.bincount(distance[pair & pairs], minlength=49)
        axis.bar(np.arange(49), np.rint(100 * counts / counts.sum()), 1, alpha=0.7, label=label)
    axis.set(title=name, ylabel="% of the pairs")
axes[0, 0].legend()
for axis in axes[1]:
    axis.set(xlabel="bits in which two photos differ")
show(figure, alt="Distances between photos of one place and of two, for four networks of 48 bits.")

# %% [markdown]
# That is the whole aim in one picture: the left hill, photos of one place, pressed against 0; the
# right hill, photos of two places, far away; and a valley between them, in which a search can stop.
# Where the two hills overlap, some photo of another place comes before one of the right place. None
# of the losses below looks at this picture, but each can be read as a wish about it.
#
# And this is how all methods of the survey fare, ours included, at 48 bits on the whole campus. A
# dot is a seed.

# %%
KINDS = {"labels": 0, "pairs": 1, "triplets": 2, "shared labels": 2, "nothing": 3}
campus_rows = [r for r in report.load("campus_methods")["rows"] if r["features"] == "trunk"]
long = [row for row in campus_rows if row["bits"] == 48]
found = {r["method"]: [o["map"] for o in long if o["method"] == r["method"]] for r in long}
ordered = sorted(found, key=lambda name: np.mean(found[name]))
learned_from = {row["method"]: row["supervision"] for row in long}

# %%
figure, axes = subplots(figsize=(6.4, 4.4))
for height, name in enumerate(ordered):
    colour = PALETTE[KINDS[learned_from[name]]]
    axes.barh(height, np.mean(found[name]), color=colour, alpha=0.4)
    axes.plot(found[name], np.full(len(found[name]), height), "o", color=colour)
axes.set_yticks(
    range(len(ordered)), [f"{method_name(name)} ({learned_from[name]})" for name in ordered]
)
axes.set(xlim=(0, 1), xlabel="MAP at 48 bits, one trunk for all")
show(
    figure, alt="MAP of all deep methods at 48 bits on the campus, sorted, coloured by supervision."
)

# %% [markdown]
# The words behind the names say what a loss learns from. Remember while you read the figure that
# one thing is the same for all of them, the trunk, and that it has seen the names of the places,
# even where the loss has not. (What differs besides the loss are the rates, and whether photos of
# a place come together in a batch: each method was given what suited it best on photos held back
# from the source.) We come back to this table at the end, with CIFAR-10 beside it, when you know
# what each of the names stands for.
#
# ## From labels to pairs
# Two photos are *similar* if they show the same place: $s_{ij} = 1$, else 0. That is all that the
# losses on pairs want to know. It is less than a name, and sometimes it is all one has: a visitor
# who takes three photos in a row, or two that a matching of local features has linked, says that
# they belong together and not what they show.

# %%
from mvs_lib.deep.methods.similarity import similar_pairs

show_source(similar_pairs, docstring=False)

# %% [markdown]
# The second half is for photos with several labels, where similar means *at least one in common*.
# Now look at how uneven pairs are. A training batch has 64 photos, drawn from all places:

# %%
batch = np.random.default_rng(0).permutation(len(source))[:64]
similar = similar_pairs(torch.from_numpy(source.labels[batch])).numpy()
off = ~np.eye(64, dtype=bool)
print(f"{off.sum()} ordered pairs in a batch, {similar[off].sum()} of them similar")

# %% [markdown]
# A loss that averages over all pairs hears nearly nothing but "these two differ". It could please
# nine tenths of its listeners by sending every photo somewhere else. Hold on to that.
#
# ## DPSH: the likelihood of a pair
# Li, Wang and Kang (2016) turn the inner product of two codes into a probability. Let $u_i$ be the
# hash layer's values for photo $i$, real numbers whose signs will be the bits.
#
# | In symbols | In words |
# |---|---|
# | $\Theta_{ij} = \frac12 u_i \cdot u_j$ | agreement: for codes of $\pm 1$, half of (bits that agree minus bits that differ) |
# | $p(s_{ij} = 1) = \sigma(\Theta_{ij})$ | the more the codes agree, the surer that the photos are similar |
# | $E_1 = \text{mean}_{ij} \left[ \log(1 + e^{\Theta_{ij}}) - s_{ij} \Theta_{ij} \right]$ | the negative logarithm of the probability of what is true |
# | $E_2 = \text{mean}_{ik} \left( \text{sgn}(u_{ik}) - u_{ik} \right)^2$ | values near $-1$ and $+1$, so that the signs lose little |
# | $L = E_1 + \eta E_2$ | both |
#
# For codes of $\pm 1$ and $K$ bits, $\Theta = K/2 - d$ with $d$ the Hamming distance: who raises
# the agreement lowers the distance. Here are the loss of one pair, and two ways to ask for values
# near $\pm 1$: DPSH's, and the smoother one of DHN (Zhu and others, 2016), $\log \cosh(|z| - 1)$.

# %%
theta, value = np.linspace(-8, 8, 65), np.linspace(-2, 2, 81)
figure, axes = subplots(1, 2, figsize=(6.4, 2.6))
axes[0].plot(theta, np.logaddexp(0, -theta), label="similar")
axes[0].plot(theta, np.logaddexp(0, theta), label="not similar")
axes[0].set(xlabel="agreement of the two codes", ylabel="loss of the pair")
axes[1].plot(value, (np.where(value >= 0, 1, -1) - value) ** 2, label="DPSH")
axes[1].plot(value, np.log(np.cosh(np.abs(value) - 1)), label="DHN")
axes[1].set(xlabel="value behind a bit", ylabel="loss of the value")
for axis in axes:
    axis.legend()
show(
    figure,
    alt="Left, the loss of a pair by its agreement; right, two losses of a value near a sign.",
)

# %% [markdown]
# On the left, each curve is flat on one side: a pair that is already as it should be pushes no
# more, and a pair that is wrong is pushed with a slope of nearly one, however wrong it is. On the
# right, DPSH's parabola punishes a value of 2 as much as one of 0; DHN's is gentler far out. (In
# DHN, values go through a tanh first, so that its curve is only ever read between $-1$ and 1.)
#
# ### Exercise 4.1 · 15 min
# Write the first term, over all pairs of different photos in a batch. Mind $e^\Theta$ for long
# codes: `np.logaddexp(0, x)` is $\log(1 + e^x)$ without an overflow.


# %%
def pair_loss(u, alike):
    """Exercise 4.1: the mean loss of all pairs of different photos.

    Real (n, bits) and bool (n, n) -> a real number.
    """
    ### BEGIN SOLUTION
    theta = u @ u.T / 2
    losses = np.logaddexp(0, theta) - alike * theta
    return losses[~np.eye(len(u), dtype=bool)].mean()
    ### END SOLUTION


# %%
check("4.1", pair_loss)

# %% [markdown]
# The cells from here on use your function if it is correct, and ours if it is not yet. It shows
# what the agreement of the two hills costs: we take the codes of the four networks as $\pm 1$,
# scale them from small to large, and ask for the loss of the pairs.

# %%
pair_loss = use("4.1", pair_loss)
some = np.arange(0, len(photos), 5)
scales = np.linspace(0.05, 1, 20)
figure, axes = subplots(figsize=(6.4, 2.8))
for name, code in codes.items():
    signs = 2.0 * unpack(code[some], 48) - 1
    losses = [pair_loss(scale * signs, alike[np.ix_(some, some)]) for scale in scales]
    axes.plot(scales, np.round(losses, 2), label=name)
axes.set(xlabel="size of the values behind the signs", ylabel="loss of the pairs")
axes.legend()
show(figure, alt="The pair loss of four networks' signs, by the size of the values behind them.")

# %% [markdown]
# With values of size 1 and 48 bits, two unrelated codes have an agreement that scatters around 0 by
# more than three, and a loss that takes such numbers for certainties is easily wrong by much. This
# is why papers differ in a small factor before the inner product (DHN's file tells more), and why
# some of them must be tuned anew for each length of code.
#
# Here is the method whole. It has one more idea: the partner of a photo need not be in the same
# batch. `remembered` holds what the network last said of *every* training photo.

# %%
show_source(DPSH.forward, docstring=False)

# %% [markdown]
# ## Push them yourself
# Two bits span a plane, and its four quadrants are the four codes. The panel shows three photos in
# it: A and B of one place, C of another. You move one of them, and arrows show where the loss
# pushes each: downhill, against its slope. All three losses are the library's, as trained with.
#
# **Predict** before you move it. (1) At the start, A lies right and B left. Which photo gets the
# longest push under DPSH? (2) Bring B next to A, and C to the opposite corner. Under which loss do
# the arrows vanish altogether?

# %% tags=["panel"]
from mvs_lib.widgets.push_explorer import PushExplorer

panel = PushExplorer({"DPSH": DPSH(memory="batch"), "DHN": DHN(), "DNNH": DNNH()})
panel

# %%
for panel.loss.value in ("DPSH", "DNNH"):
    print(panel.summary())
panel.photo.value, panel.first.value, panel.second.value = "B", 1.4, 1.4
panel.photo.value, panel.first.value, panel.second.value = "A", 1.4, 1.2
panel.photo.value, panel.first.value, panel.second.value = "C", -1.4, -1.4
for panel.loss.value in ("DPSH", "DHN", "DNNH"):
    print(panel.summary(), f"It is {np.linalg.norm(panel.pushes, axis=1).max():.2f} long.")

# %% [markdown]
# The losses on pairs never quite rest: each pair wants more agreement, or less, and the second
# term pulls against it. The loss on triplets rests as soon as the order is right by a margin.
# Neither is better as such. A loss that never rests spends its strength on pairs that any search
# would find; one that rests teaches nothing from most of a batch.
#
# ## Triplets: which of the two is nearer?
# A triplet is an anchor, a photo like it, and one unlike it. The question it asks is the one that
# search asks, too: is the like one nearer? With $d$ a distance of codes and a margin $m$,
#
# $$L = \text{mean} \max\left(0,\; m + d(\text{anchor}, \text{like}) - d(\text{anchor}, \text{unlike})\right)$$
#
# In words: nothing, if the unlike photo is further away than the like one by at least the margin;
# otherwise, what is missing.
#
# ### Exercise 4.2 · 15 min
# Compute the mean over *all* triplets of a batch from the matrix of its distances. A batch without
# any triplet has the loss 0.


# %%
def triplet_loss(distances, labels, margin):
    """Exercise 4.2: the mean hinge of all triplets.

    Real (n, n), integers (n,) and a number -> a real number.
    """
    ### BEGIN SOLUTION
    alike = labels[:, None] == labels
    like = alike & ~np.eye(len(labels), dtype=bool)
    hinge = np.maximum(0, margin + distances[:, :, None] - distances[:, None, :])
    chosen = like[:, :, None] & ~alike[:, None, :]
    return hinge[chosen].mean() if chosen.any() else 0.0
    ### END SOLUTION


# %%
check("4.2", triplet_loss)

# %% [markdown]
# How many triplets of a batch still have something to say? We count those with a loss above 0, for
# random codes (a network before training) and for the trained DNNH, with a margin of one bit.

# %%
triplet_loss = use("4.2", triplet_loss)
few = np.flatnonzero(photos.labels < 8)[:64]
labels = photos.labels[few]
random_codes = np.random.default_rng(4).integers(0, 256, (len(few), 6), dtype=np.uint8)
same = labels[:, None] == labels
chosen = (same & ~np.eye(len(few), dtype=bool))[:, :, None] & ~same[:, None, :]
for name, code in (("random", random_codes), ("DNNH", codes["DNNH"][few])):
    d = hamming_distance(code, code).astype(float)
    active = (1 + d[:, :, None] - d[:, None, :] > 0)[chosen].mean()
    print(f"{name:7} {chosen.sum()} triplets, {100 * active:.0f} % still teach, ", end="")
    print(f"mean loss {triplet_loss(d, labels, 1.0):.1f}")

# %% [markdown]
# So averaging over all triplets would hide the few that matter. The library averages over those
# with a loss (`active_mean`), and makes all triplets of a batch rather than drawing some.
#
# ## DNNH: divide and encode
# Lai, Pan, Liu and Yan (2015) put the triplet loss on a special hash layer. The last features are
# cut into as many slices as there are bits, and each bit reads its own slice only, so that two bits
# cannot simply repeat each other.

# %%
from mvs_lib.deep.slices import SlicedLayer

show_source(SlicedLayer.forward, docstring=False)
show_source(DNNH.forward, docstring=False)

# %% [markdown]
# `piecewise` pushes each latent value to 0 or 1, except in a narrow band around one half. Outside
# of the band its slope would be zero, and a network cannot learn from a slope of zero; so the
# library lets the gradient pass as if nothing had been pushed, a trick called *straight through*.
#
# ## CNNH: the codes first, then the network
# The oldest of these methods (Xia and others, 2014) does one thing after the other. Stage 1 looks
# at no photo at all: from the similarities alone it finds codes whose inner products are near to
# $+1$ for similar pairs and $-1$ for others (divided by $K$). Stage 2 teaches a network to say
# them.

# %%
from mvs_lib.deep.methods.similarity_codes import fit_codes

show_source(CNNH.prepare, docstring=False)
twelve = np.repeat(np.arange(12), 5)  # twelve places, five photos each
wanted = 2.0 * (twelve[:, None] == twelve) - 1
stages = {bits: fit_codes(twelve, bits, random_state=0).codes for bits in (4, 12, 48)}

# %%
figure, axes = subplots(1, 4, figsize=(6.4, 2.1))
pictures = {"wanted": wanted} | {f"{k} bits": c @ c.T / k for k, c in stages.items()}
for axis, (title, values) in zip(axes, pictures.items(), strict=True):
    axis.imshow(values, vmin=-1, vmax=1, cmap="cividis")
    axis.set(title=title, xticks=[], yticks=[])
    axis.grid(False)
show(
    figure, alt="The similarities that are wanted, and those of stage 1's codes at 4, 12, 48 bits."
)
for bits, code in stages.items():
    error = np.abs(wanted - code @ code.T / bits)
    print(f"{bits:2} bits: pairs of one place off by {error[wanted > 0].mean():.2f}", end="")
    print(f", pairs of two places by {error[wanted < 0].mean():.2f}")

# %% [markdown]
# Similar photos get equal codes at every length. But no two-valued code makes twelve places all
# opposites of each other: there are only so many directions, and $-1$ cannot be had for more than
# two. And whatever stage 1 decides is the target for ever: which places get neighbouring codes is
# settled before anyone has looked at a photo. That is the survey's case for *simultaneous*
# learning, and the reason why it sorts the methods by it:

# %%
from mvs_lib.deep.methods.method import taxonomy

table = taxonomy({**METHODS, **VECTOR_METHODS})
for group in dict.fromkeys(row["group"] for row in table):
    print(group)
    for row in (row for row in table if row["group"] == group):
        print(f"  {row['method']:30} {row['supervision']:13} {row['stages']:12} {row['source']}")

# %% [markdown]
# The table is made from the classes themselves, each of which says what it is. (The survey files
# DSRH with the first group, although it learns from triplets.)
#
# Does the order hurt? We ask the results file, at 48 bits, for the methods that learn similarities
# one thing after the other, and for those that learn them all at once.

# %%
for name in ("cnnh", "cnnhplus", "dpsh", "dhn", "dnnh"):
    stages = METHODS[name].stages
    print(f"{name:9} {stages:12} MAP {np.mean(found[name]):.3f}")

# %% [markdown]
# It does not, here, and the picture above says why. Our similarities come from the names of
# places, so all photos of a place get one and the same target, and the targets differ from place
# to place. Then stage 2 is no harder than naming the place, which the trunk can do already, and
# the compromise over $-1$ costs nothing: a code does not have to be the *opposite* of another to
# be told from it. The case against two stages is one about similarities that no code can match and
# no photo can explain: lists of pairs with gaps, or photos that share some things and not others.
#
# ## CSQ: give each place a code in advance
# Six years after CNNH, Yuan and others (2020) went back to targets that are made first, and left
# the factorisation out. The targets belong to the places from the start, and they are far apart by
# construction: rows of a Hadamard matrix where the length allows, chance otherwise.

# %%
from mvs_lib.deep.methods.csq import hash_centres

figure, axes = subplots(1, 2, figsize=(6.4, 2.6))
for axis, (classes, bits) in zip(axes, ((32, 16), (162, 48)), strict=True):
    centres = hash_centres(classes, bits)
    apart = (centres[:, None] != centres).sum(2)[np.triu_indices(classes, 1)]
    axis.bar(np.arange(bits + 1), np.bincount(apart, minlength=bits + 1), 1)
    axis.set(title=f"{classes} centres of {bits} bits", xlabel="bits apart", ylabel="pairs")
    print(f"{classes} centres of {bits} bits: nearest {apart.min()} apart, mean {apart.mean():.1f}")
show(figure, alt="Distances between hash centres: for 32 of 16 bits 8 or 16, for 162 around 24.")

# %%
show_source(CSQ.forward, docstring=False)

# %% [markdown]
# On the left, centres from the Hadamard matrix: any two are half of the bits apart, and some all
# of them. On the right, 162 centres by chance, the best of a hundred draws: most pairs are near
# half of the bits apart, and the closest still a good way. Both terms are old friends from
# notebook 03 and from DHN. CSQ stands here as our reference from after the survey: where the field
# went.
#
# ## Train four of them, live
# Twelve places, thirty photos each to learn from, and the queries of the same places, which are
# not learned from. The network and the loop are those of notebook 03; the loop still knows no
# method by name. `build` makes the hash layer that a method wants. DPSH looks at the pairs of each
# batch here, and learns at smaller rates than the others: so many pairs together have steep
# slopes.

# %%
from mvs_lib.deep.training import Settings, build_network, train

queries = campus.load(progress=False).query
queries = queries.take(np.flatnonzero(queries.labels < 12))
first = [np.flatnonzero(source.labels == place)[:30] for place in range(12)]
small = source.take(np.concatenate(first))
settings = Settings(epochs=15, batch_size=60, augment=False, head_rate=5)
gentle = replace(settings, learning_rate=0.03, head_rate=1)


def build(method):
    return build_network(settings, bits=24, classes=12, width=16, head=method.head)


# %%
from mvs_lib.metrics import mean_average_precision

networks, maps, hills = {}, {}, {}
for method in (CNNH(), DNNH(), DPSH(memory="batch"), CSQ()):
    network, name = build(method), type(method).__name__
    train(network, method, small, gentle if name == "DPSH" else settings, progress=False)
    asked, stored = encode(network, queries.images), encode(network, small.images)
    maps[name] = mean_average_precision(asked, queries.labels, stored, small.labels)
    distance, own = hamming_distance(asked, stored), queries.labels[:, None] == small.labels
    hills[name] = distance[own].mean(), distance[~own].mean()
chance = np.mean([np.mean(small.labels == label) for label in queries.labels])

# %%
for name, (near, far) in hills.items():
    apart, useful = near < 0.8 * far, maps[name] > 3 * chance
    print(f"{name:5} the two hills lie apart: {'yes' if apart else 'NO'}; ", end="")
    print(f"MAP more than three times that of chance: {'yes' if useful else 'NO'}")

# %% [markdown]
# Print `maps` and `hills` if you want to see how far; live figures differ a little from computer
# to computer, so we print verdicts. And do not rank the four by them: a minute of training from
# nothing is a rehearsal. The ranking comes from long runs with several seeds, below.
#
# ## DRSCH: bits that may be left out
# A server may want 64 bits for one search and 16 for another. DRSCH (Zhang and others, 2015) gives
# each bit a weight that is learned with the network, in a triplet loss, and makes a short code of a
# long one by keeping the heaviest bits.
#
# ### Exercise 4.3 · 10 min
# Keep the columns with the largest weights, whatever their sign, in the order in which they stand.


# %%
def shorten(codes, weights, bits):
    """Exercise 4.3: the columns with the largest |weights|, in their order; ties: the first ones.

    0/1 values (n, all bits), real (all bits,) and a number -> 0/1 values (n, bits).
    """
    ### BEGIN SOLUTION
    heaviest = np.sort(np.argsort(-np.abs(weights), kind="stable")[:bits])
    return codes[:, heaviest]
    ### END SOLUTION


# %%
check("4.3", shorten)

# %% [markdown]
# We train it at 48 bits on the twelve places, as above, and shorten its codes: once by the weights,
# and five times by dice.

# %%
shorten = use("4.3", shorten)
network, drsch = build_network(settings, bits=48, classes=12, width=16), DRSCH()
train(network, drsch, small, settings, progress=False)
weights = drsch.bit_weights.detach().numpy()
asked, stored = (unpack(encode(network, part.images), 48) for part in (queries, small))


def shortened_map(choose):
    parts = (pack(choose(bits)) for bits in (asked, stored))
    asked_codes, stored_codes = parts
    return mean_average_precision(asked_codes, queries.labels, stored_codes, small.labels)


# %%
random = np.random.default_rng(5)
full, kept = shortened_map(lambda bits: bits), {}
for length in (24, 12, 4):
    drawn = [np.sort(random.permutation(48)[:length]) for _ in range(5)]
    by_dice = np.mean([shortened_map(lambda bits, those=those: bits[:, those]) for those in drawn])
    kept[length] = shortened_map(lambda bits, k=length: shorten(bits, weights, k)), by_dice
(by_weight, by_dice), (shortest, _) = kept[12], kept[4]
print("twelve heavy bits keep four fifths of the MAP:", "yes" if by_weight > 0.8 * full else "NO")
print("twelve bits drawn by dice do worse:", "yes" if by_dice < by_weight else "NO")
print("four heavy bits do worse than twelve:", "yes" if shortest < by_weight - 0.02 else "NO")

# %% [markdown]
# Look at `np.sort(np.abs(weights))`: nearly half of the bits have been given up, and a few carry
# the rest. That was a minute of training. On the whole campus, with three seeds (`python -m
# mvs_lib bench campus_scalable`), the same code is cut at nine lengths. Its weights may also
# *count*: two codes then differ by the sum of the weights of the bits in which they differ.

# %%
ways = {"weights": "the heaviest", "weights, which count": "the heaviest, weighted", "dice": "dice"}
scalable = report.load("campus_scalable")["rows"]
lengths = sorted({row["bits"] for row in scalable})
cut = {}
for way in ways:
    rows = [row for row in scalable if row["chosen_by"] == way]
    cut[way] = [np.mean([row["map"] for row in rows if row["bits"] == bits]) for bits in lengths]
own = {row["bits"]: row["map"] for row in campus_rows if row["method"] == "drsch"}
figure, axes = subplots(figsize=(6.4, 3))
for way, label in ways.items():
    axes.plot(lengths, np.round(cut[way], 3), "o-", label=label)
axes.plot(sorted(own), [own[bits] for bits in sorted(own)], "x", label="a network of its own")
axes.set(xlabel="bits that are left of 48", ylabel="MAP on the campus", xticks=lengths)
axes.legend()
show(figure, alt="MAP of DRSCH's code by the bits left of it, chosen by weight and by dice.")

# %%
for bits in (24, 12, 6):
    heavy, dice = (cut[way][lengths.index(bits)] for way in ("weights", "dice"))
    whole = cut["weights"][-1]
    print(f"{bits:2} bits keep {100 * heavy / whole:.0f} % of the MAP of 48; by dice", end=" ")
    print(f"{100 * dice / whole:.0f} %")

# %% [markdown]
# Compare that with the twelve places. There, bits could be spared; to tell 162 places apart takes
# nearly all of them, and whatever is cut is missed. The weights do better than dice at every
# length that is of use. And look at the crosses, the networks that were trained for that length
# and no other: the code that was cut stands where they stand. One network for all lengths costs
# nothing but the bits themselves, and that is what the method promises.
#
# ## DSRH: some are more alike than others
# Place or not place is a coarse question. A photo that shows a bench, a lamp and a tree is more
# like one with a bench and a lamp than like one with a tree. Zhao, Huang, Wang and Tan (2015) rank
# by the number $r$ of labels that a photo shares with the query, and weigh each triplet by what
# its wrong order would cost, $2^{r_i} - 2^{r_j}$:

# %%
show_source(DSRH.forward, docstring=False)

# %% [markdown]
# `weights` is that gain, made to sum to 1 for every query. To see what it is worth we need photos
# with several labels. These *squares* are drawn by the campus's own pencil, and we know what
# stands on them:

# %%
from mvs_lib.datasets import campus_squares

squares = campus_squares.load(source=120, query=1, progress=False).source
some = [3, 17, 44, 61, 88, 110]
things = [[squares.names[k] for k in np.flatnonzero(squares.labels[i])] for i in some]
titles = ["\n".join([*these[:3], "..." if len(these) > 3 else ""]) for these in things]
alt = "Six squares, with the names of what stands on them."
show_images(squares.images[some], titles, alt, columns=3)

# %% [markdown]
# A right order is no longer a matter of yes and no, and MAP, which only asks whether a photo
# shares *anything*, is blind to it. The papers measure NDCG instead: what is at rank $p$ counts
# $2^r - 1$, divided by $\log_2(1 + p)$, and the sum is divided by that of the best order there is.
# Ours looks at the first hundred answers (`mvs_lib.graded_metrics`). Here are the losses of this
# notebook that take several labels, at 48 bits, three seeds, from one trunk:

# %%
rows = [row for row in report.load("squares")["rows"] if row["bits"] == 48]
names = list(dict.fromkeys(row["method"] for row in rows))
graded, plain = (
    {name: [row[key] for row in rows if row["method"] == name] for name in names}
    for key in ("ndcg_at_100", "map")
)
figure, axes = subplots(1, 2, figsize=(6.4, 2.6), sharey=True)
for axis, values, label in zip(axes, (graded, plain), ("NDCG@100", "MAP"), strict=True):
    for height, name in enumerate(names):
        axis.barh(height, np.mean(values[name]), alpha=0.4, color=PALETTE[height])
        axis.plot(values[name], np.full(len(values[name]), height), "o", color=PALETTE[height])
    axis.set(xlabel=label, xlim=(0.5, 1), yticks=range(len(names)), yticklabels=names)
show(figure, alt="NDCG at 100 and MAP of six losses on photos with several labels; dots are seeds.")

# %%
gain = np.array(graded["dsrh"]) - graded["dsrh, no weights"]
print(f"DSRH's weights are worth {gain.mean():+.3f} of NDCG; by seed:", np.round(gain, 3))
for label, values in (("NDCG", graded), ("MAP", plain)):
    ranked = sorted(names, key=lambda name, values=values: -np.mean(values[name]))
    print(f"by {label}: {', '.join(ranked)}")

# %% [markdown]
# The two measures disagree about who is best, and both are right: a loss gives you what you ask it
# for. Who wants any photo with a bench in it takes the losses on pairs; who wants the most similar
# scene first lets the loss see how many things are shared.
#
# ## Is it the method, or the protocol?
# CIFAR-10 has 60,000 small photos of ten classes. Two ways to use it have become custom, and
# figures from the two are often printed side by side:
#
# | | P1 | P2 |
# |---|---|---|
# | labels that may be learned from | 5,000 | 50,000 |
# | queries | 1,000 | 10,000 |
# | database | the other 59,000 | the 50,000 that were learned from |
# | usual measure | MAP over the whole ranking (Eq. 1) | mAP@1000, divided by what is found there |
#
# The next table has one method, SSDH at 48 bits, from the same kind of trunk, under both, and each
# with both measures. Read along a row to see what the measure does, down a column to see what the
# protocol does.

# %%
print("          MAP   mAP@1000")
for name in ("cifar10_p1", "cifar10_p2"):
    rows = report.load(name)["rows"]
    rows = [row for row in rows if (row["method"], row["bits"]) == ("ssdh", 48)]
    rows = [row for row in rows if row.get("views", 1) == 1]
    whole, first = (np.mean([row[key] for row in rows]) for key in ("map", "map_at_1000"))
    print(f"{name[-2:].upper():6} {whole:8.3f} {first:8.3f}", end="   ")
    print(f"{rows[0]['data']}, {len(rows)} {'seed' if len(rows) == 1 else 'seeds'}")

# %% [markdown]
# Much of the famous leap from the older methods to the deep ones lies between the top left corner
# of this table and the bottom right one, and no loss was changed on the way. (The trunk of P2 is
# wider, too, and has its part in it.)
#
# Now the methods against each other, under P1, on one trunk that has seen the 5,000
# photos and nothing else. Where a paper has published its value for P1, it stands beside ours,
# with its trunk: most of them started from a network that ImageNet's million photos had taught.

# %%
p1 = [row for row in report.load("cifar10_p1")["rows"] if row["features"] == "trunk"]
lengths = sorted({row["bits"] for row in p1})
print(f"{'MAP (published)':15}", *(f"{bits:>9} bits" for bits in lengths))
published = {}
for name in sorted({row["method"] for row in p1}, key=method_name):
    cells = []
    for bits in lengths:
        rows = [row for row in p1 if (row["method"], row["bits"]) == (name, bits)]
        ours, there = np.mean([row["map"] for row in rows]), rows[0].get("published")
        cells.append(f"{ours:.3f}" + (f" ({there:.3f})" if there else " " * 8))
        if there:
            published.setdefault(name, []).append((bits, ours, there))
    print(f"{method_name(name):15}", *(f"{cell:>14}" for cell in cells))

# %%
figure, axes = subplots(figsize=(6.4, 3))
for place, (name, points) in enumerate(published.items()):
    bits, ours, there = zip(*points, strict=True)
    colour = PALETTE[place]
    axes.plot(bits, np.round(ours, 3), "o-", color=colour, label=method_name(name))
    axes.plot(bits, there, "x--", color=colour)
axes.set(xlabel="bits", ylabel="MAP, CIFAR-10, P1", xticks=lengths)
figure.legend(loc="outside upper center", ncols=5)
show(
    figure, alt="MAP of five methods by code length: ours as dots, the published values as crosses."
)

# %%
for name, points in published.items():
    above = sum(ours >= there for _, ours, there in points)
    rows = [row for row in p1 if row["method"] == name]
    print(
        f"{method_name(name):5} at or above its published value at {above} of {len(points)}",
        end=" ",
    )
    print(f"lengths; theirs stands on {rows[0]['published_trunk']}")

# %% [markdown]
# Only DPSH does not reach what was published, and it comes near: its authors' trunk had learned from
# a million large photos, ours from 5,000 small ones. The others stand far above theirs, and most of
# that is the trunk's, too. DNNH remains among the last of the losses on pairs and triplets, as it does
# on the campus: each of its bits sees but a slice of the features, and its triplets rest early, for they
# ask for a gap of one bit whatever the length of the code. How much is that? These are the margins and
# rates that `python -m mvs_lib bench cifar10_p1_settings` tried on 500 of the 5,000 photos, held back.

# %%
tried = [row for row in report.load("cifar10_p1_settings")["rows"] if row["method"] == "dnnh"]
tried = [row for row in tried if row["epochs"] == 10 and "eps" not in row["options"]]
print("DNNH, 48 bits, held-back photos; hash layer learns: as the trunk  10 times as fast")
for options in dict.fromkeys(row["options"] for row in tried):
    own = {row["head_rate"]: row["map"] for row in tried if row["options"] == options}
    print(f"{options or 'margin=1, as published':46} MAP {own[1.0]:14.3f} {own[10.0]:17.3f}")

# %% [markdown]
# A margin of several bits would have lifted it to where the others are. The table above keeps to the
# paper's, since a method is measured here as it was written.
#
# One order is missing yet, that of the survey's own case study: SSDH before DLBH before CNNH before
# ITQ, on photos of a campus. Is it ours?

# %%
itq = [row["map"] for row in report.load("campus")["rows"] if row["method"] == "itq"]
ours = {name: np.mean(found[name]) for name in ("ssdh", "dlbh", "cnnh")} | {"itq": np.mean(itq)}
print("campus, 48 bits:", ", ".join(f"{name} {value:.3f}" for name, value in ours.items()))
at_48 = [row for row in p1 if row["bits"] == 48 and row["method"] in ours]
by_name = {
    name: np.mean([r["map"] for r in at_48 if r["method"] == name]) for name in list(ours)[:3]
}
print("CIFAR-10, P1:   ", ", ".join(f"{name} {value:.3f}" for name, value in by_name.items()))

# %% [markdown]
# The gulf between ITQ and all the others is there. Among the three deep ones the distances are
# small, and with so few seeds nobody should swear to their order. We have seen the reasons. All three
# learn from names here, of places or of classes, CNNH by way of pairs; all start from one trunk that
# can tell them apart already, while CNNH was published on a small network of its own; and each got the
# rates that suit it. When all that is held equal, what is left of the differences is small.
#
# ## Quiz
# Tab to an option, choose it with Enter; the reason appears below.

# %%
quiz("04")

# %% [markdown]
# ## Summary
# - A pair says "alike" or "not alike"; its loss is the likelihood of that, given the agreement of
#   two codes, and nearly all pairs say "not alike".
# - A triplet asks which of two photos is nearer; it rests once the order is right by a margin, and
#   most triplets soon do.
# - Codes made before any photo was looked at are targets for ever: good ones if each place has its
#   own, far from the others.
# - Weights on the bits let a long code be cut short; weights on the triplets let a ranking be
#   learned, and it takes a measure of rankings to see it.
# - Protocol, trunk and measure move a figure more than the loss does: compare within a column only.
#
# ## On a real phone
# Nothing changes there: whatever the loss was, the phone runs trunk and hash layer, and sends six
# bytes. What changes is where labels come from. Three photos taken in a row, two that a server has
# matched, an answer that a visitor accepted: all of these are pairs, and nobody had to type a name.
#
# ## Next
# What if nobody says even that much? Notebook 05 makes bits from photos alone.

# %%
finish("04")
