# %% [markdown]
# # Deep hashing: a network learns its own bits
# In notebook 02 a descriptor was given, and hash functions were fitted to it afterwards. Here one
# network learns both, from photos and the names of their places. You will put the bits into the
# network with one equation (DLBH), shape them with two more (SSDH), and see which of them a blurred
# photo turns over.

# %% [markdown]
# | Minutes | Needs | You will be able to |
# |---|---|---|
# | 75 | notebook 02: codes, Hamming distance, MAP; what a derivative is | say what DLBH and SSDH ask of a network, each term in words; train a hash network, stop it and go on; find bits that are dead, redundant or shaky |

# %%
import tempfile

import numpy as np
import torch
from scipy.special import expit

from mvs_lib import paths
from mvs_lib.benchmarks import report
from mvs_lib.codes import binarize, unpack
from mvs_lib.course.check import check, finish, use
from mvs_lib.course.figure import PALETTE, show, show_images, subplots
from mvs_lib.course.quiz import quiz
from mvs_lib.course.source import show_source
from mvs_lib.datasets import campus, capture
from mvs_lib.deep import HashNetwork, Outputs, checkpoint, project
from mvs_lib.deep.methods import DLBH, SSDH

# %% [markdown]
# ## The end result first
# Two networks come with the course, one trained by DLBH and one by SSDH, on the source photos of the
# generated campus. Each turns a photo into 48 bits. We encode all source photos, which become the
# database, and every fifth query, two of each place, which no network has seen. `project` gives the
# 48 real values before thresholding; `binarize` thresholds and packs them.
# %%
from mvs_lib.search.linear import LinearIndex

split = campus.load(progress=False)
source, query = split.source, split.query.take(np.arange(0, len(split.query), 5))
networks, projections, indexes = {}, {}, {}
for name in ("DLBH", "SSDH"):
    file = paths.checkpoints() / f"campus_{name.lower()}_48.safetensors"
    networks[name], _ = checkpoint.load(file)
    projections[name] = [project(networks[name], part.images) for part in (source, query)]
    indexes[name] = LinearIndex(bits=48)
    indexes[name].add(binarize(projections[name][0]))
print(f"{len(source)} source photos and {len(query)} queries of {len(source.names)} places,")
print(f"{indexes['SSDH'].codes.shape[1]} bytes a photo")

# %% [markdown]
# Three queries, each with its five nearest source photos: the answers of DLBH in one row, those of
# SSDH in the next. They are chosen to be fair: with its first answer, both methods find the first
# query's place, only DLBH the second's, and only SSDH the third's.

# %%
shown, titles = [], []
for asked in (23, 281, 134):
    place = query.names[query.labels[asked]]
    for name, index in indexes.items():
        distances, ids = index.search(binarize(projections[name][1][asked : asked + 1]), k=5)
        shown += [query.images[asked], *source.images[ids[0]]]
        titles.append(f"{name}, query:\n{place}")
        for bits, label in zip(distances[0], source.labels[ids[0]], strict=True):
            verdict = "right" if source.names[label] == place else "wrong"
            titles.append(f"{bits} away, {verdict}:\n{source.names[label]}")
show_images(shown, titles, alt="Three queries, each with its five nearest photos, by each method.")

# %% [markdown]
# Each title says how many bits away an answer is, and whether it shows the place asked for. Look for
# answers taken from another side or in another weather: pixels differ there, bits mostly do not.
# The two towers are a near thing, and the dark dormitory is not: where nothing fits well, the answers
# stand further away, and several at the same distance: ties, which the smaller number of a photo
# decides.
#
# Three queries prove nothing. The next figure has all 1,620, and three trainings of each method
# that differ in their random seed only. MAP is the mean average precision over the whole ranking
# (Eq. 1 of Liu et al., 2017), as in notebook 02, where ITQ comes from.

# %%
rows = report.load("campus")["rows"]
maps = {}
for method in ("ITQ", "DLBH", "SSDH"):
    found = [row for row in rows if (row["method"], row["bits"]) == (method.lower(), 48)]
    maps[method] = np.array([row["map"] for row in sorted(found, key=lambda row: row["seed"])])
    mean, spread = maps[method].mean(), np.ptp(maps[method])
    print(f"{method:5} MAP {mean:.3f}, {len(found)} seeds, highest minus lowest {spread:.3f}")

# %%
figure, axes = subplots(1, 2, figsize=(6.4, 2.4), sharey=True)
for place, (method, values) in enumerate(maps.items()):
    colour = PALETTE[place - 1]  # DLBH and SSDH keep their colours through the notebook
    axes[0].barh(place, values.mean(), color=colour, alpha=0.4)
    for axis in axes if method != "ITQ" else axes[:1]:
        axis.plot(values, np.full(len(values), place), "o", color=colour)
        axis.plot(values.mean(), place, "|", color=colour, markersize=24)
axes[0].set_yticks(range(3), list(maps))
axes[0].set(xlim=(0, 1), xlabel="MAP at 48 bits")
axes[1].set(xlabel="the same, DLBH and SSDH enlarged")
show(
    figure, alt="MAP of ITQ, DLBH and SSDH at 48 bits; enlarged, the seeds of the last two overlap."
)

# %% [markdown]
# A dot is a seed, a stroke the mean of a method. How much of this is the method, and how much luck?
# The sentences below are computed from the rows, so they say what was measured, whichever way that
# came out.


# %%
def compare(first, second):
    gaps = maps[first] - maps[second]
    better, other = (first, second) if gaps.mean() >= 0 else (second, first)
    ahead, gap = int(np.sum(np.sign(gaps) == np.sign(gaps.mean()))), abs(gaps.mean())
    spread = max(np.ptp(maps[first]), np.ptp(maps[second]))
    weight = "more than" if gap > spread else "no more than"
    print(f"{better} is ahead of {other} by {gap:.3f}, with {ahead} of {len(gaps)} seeds;")
    print(f"that is {weight} the seeds of one method differ among themselves ({spread:.3f}).")


compare("SSDH", "DLBH")
compare("DLBH", "ITQ")

# %% [markdown]
# A gap that is no wider than the luck of the seeds is no result: with three seeds, nobody should call
# one of two such methods the better one. Two more cautions go with every figure of this notebook.
# The campus is generated, and real photos are harder: compare methods by it, but do not promise
# anybody its level. And ITQ never saw a label, nor could it choose its descriptor (a global one, of
# photos of 128 pixels), so its distance from the networks mixes two things: deep features, and
# supervision. The survey's own campus, with older methods that match local features of whole photos,
# showed an improvement of 70 % (its abstract) or 72 % (its introduction), not a multiple.

# %% [markdown]
# ## K units between features and classifier
# A network that names places has two parts. Its *trunk* turns the photo into a vector of features,
# and its *classifier* turns features into one score for each place. Lin, Yang, Hsiao and Chen (2015)
# put a narrow layer between the two: $K$ *latent units*, each a number between 0 and 1. The
# classifier sees the photo only through them.
#
# | In symbols | In words |
# |---|---|
# | $f = \text{trunk}(\text{photo})$ | features: a vector that training shapes |
# | $z = W_h f + b_h$ | the projection: $K$ real numbers, one for each bit |
# | $a = \sigma(z) = 1 / (1 + e^{-z})$ | the latent values: the *sigmoid* presses each number between 0 and 1, and sends 0 to one half |
# | $s = W_c a + c$ | the scores of the places, read from the latent values only |
# | $b_k = 1$ if $a_k \ge 1/2$, else 0 | the bits; the same as asking for $z_k \ge 0$ |
#
# The library's network is these lines. (`images.permute` moves the colours to where PyTorch wants
# them, and the mean and spread of natural photos are taken out.)

# %%
show_source(HashNetwork.forward, docstring=False)

# %% [markdown]
# Here one query photo goes through the SSDH network. After training, the classifier and its scores
# are thrown away: search needs the bits only.

# %%
asked = 1
with torch.inference_mode():
    outputs = networks["SSDH"](torch.from_numpy(query.images[asked : asked + 1]))
    shares = torch.softmax(outputs.logits, 1)[0].numpy()
for name, values in outputs._asdict().items():
    print(f"{name:11} {values.shape[1]:4} numbers")

# %%
strips = {"features": outputs.features[0].numpy(), "latent": outputs.latent[0].numpy()}
strips |= {"bits": strips["latent"] >= 0.5, "shares of the places": shares}
figure, axes = subplots(4, 1, figsize=(6.4, 3.2))
for axis, (title, values) in zip(axes, strips.items(), strict=True):
    values = np.rint(10 * values / values.max()).astype(np.uint8)
    axis.imshow(values[None], aspect="auto", cmap="cividis")
    axis.set(yticks=[], title=title)
    axis.grid(False)
show(figure, alt="One photo as features, latent values, bits and shares of the places.")

# %% [markdown]
# Pale is large. Between the latent strip and the bits lies only the threshold. The last strip is the
# *softmax* of the scores, which turns any numbers into positive shares that add up to one; a network
# that is sure has one pale line, at the right place.
#
# ## DLBH: name the place, nothing else
# How should the units be set? DLBH asks for one thing: that the classifier, looking through them,
# names the place. In symbols, with $N$ photos in a batch and $y_n$ the place of photo $n$:
#
# $$L = \frac{1}{N} \sum_n \text{CE}(W_c\, a_n + c,\; y_n)$$
#
# In words: take the softmax share that the network gives to the right place, take its negative
# logarithm, and average. This is the *cross-entropy*, CE: 0 if all of the share is in the right
# place, large if almost none is. Here is the whole method.

# %%
show_source(DLBH)

# %% [markdown]
# Our survey (Liu et al., 2017) describes DLBH with a loss between the descriptor and the binary
# vector, and as two separate stages. The network that the authors released has no such loss: it is
# fine-tuned once, by cross-entropy alone. The code above follows the authors.
#
# So nothing in DLBH speaks of bits. Cross-entropy does not mind whether a unit reads 0.45 or 0.55,
# while the threshold does; one should expect many units near one half. Look before you believe it.
# We count the latent values in ten drawers from 0 to 1, over all source photos and units. Call a
# unit *undecided* if it lies in the four drawers around one half, between 0.3 and 0.7.

# %%
latent = {name: torch.sigmoid(torch.from_numpy(p[0])).numpy() for name, p in projections.items()}


def drawers(values):
    counts, _ = np.histogram(values, np.linspace(0, 1, 11))
    return np.rint(100 * counts / values.size).astype(int)


def undecided(values):
    return np.mean((values > 0.3) & (values < 0.7))


percent = drawers(latent["DLBH"])
figure, axes = subplots(figsize=(6.4, 2.8))
axes.bar(np.arange(10) / 10 + 0.05, percent, 0.09)
axes.axvline(0.5, color="black", linestyle="--", linewidth=1)
axes.set(xlabel="latent value", ylabel="% of all units and photos")
show(figure, alt=f"DLBH's latent values in ten drawers from 0 to 1, in percent: {percent}.")
share = undecided(latent["DLBH"])
print(f"undecided: {100 * share:.1f} %, or {48 * share:.1f} of the 48 units of a photo")

# %% [markdown]
# The dashed line is the threshold. Most units stand at the walls, although no term asked for it: a
# classifier works better with clear inputs, and the last layers of this network were trained with a
# high learning rate, which makes large projections $z$. So the warning is true of DLBH's loss, but
# not of every network trained by it; below you will train one where it is. The units in the middle
# are few, but worth a thought: there, the next photo of the same place may fall on the other side.
#
# ## What the threshold costs
# Rounding 0.51 up to 1 and 0.49 down to 0 puts two neighbours at opposite ends. How much does a
# ranking lose by it? Rank the source photos once by the distance of real latent values, and once by
# Hamming distance. For 0/1 vectors the squared distance *is* the number of differing bits, so one
# function does both. Ties are averaged exactly, as in notebook 02.

# %%
from mvs_lib.metrics import average_precision

relevant = query.labels[:, None] == source.labels


def ranking_map(asked, database):
    squares = (asked**2).sum(1)[:, None] - 2 * asked @ database.T + (database**2).sum(1)
    return average_precision(relevant, squares, ties="expected").mean()


print("       real values, 192 bytes   bits, 6 bytes")
for name, (database, asked) in projections.items():
    real = ranking_map(expit(asked), latent[name])
    bits = ranking_map(np.float32(asked >= 0), np.float32(database >= 0))
    print(f"{name:11} {real:15.2f} {bits:20.2f}")

# %% [markdown]
# The difference between the columns is the price of thresholding, for codes a thirty-second as long.
# DLBH's authors pay it only in part: they fetch candidates by Hamming distance, and then order those
# by the distance of the real features (coarse to fine). A phone that sends six bytes has nothing
# else to send, so this course ranks by Hamming distance throughout.
#
# ## SSDH: two more sentences about the bits
# Yang, Lin and Chen (2015) keep the network and add two constraints. Their loss has three terms,
# each with a weight, all 1 in the released network:
#
# $$L = \alpha E_1 + \beta E_2 + \gamma E_3$$
#
# | Term | In symbols | In words |
# |---|---|---|
# | $E_1$ | $\frac{1}{N} \sum_n \text{CE}(W_c a_n + c, y_n)$ | say the place, as DLBH does |
# | $E_2$ | $-\frac{1}{NK} \sum_n \sum_k (a_{nk} - \frac12)^2$ | move away from one half; it is 0 for undecided units and $-\frac14$ for units at 0 or 1 |
# | $E_3$ | $\frac{1}{N} \sum_n (\text{mean}_k\, a_{nk} - \frac12)^2$ | half of the units *of one photo* on; it is 0 then, and at most $\frac14$ |
#
# The loss falls when $E_2$ becomes more negative, hence its minus sign. (The paper sums where we
# average, so that a weight means the same for any batch.) In the library, `mean(1)` is the mean over
# the units of a photo; `balance="bit"` is a variant of ours that we come to below.

# %%
show_source(SSDH.forward, docstring=False)

# %% [markdown]
# Again the survey differs from what was released: it speaks of independent bits. There is no such
# term, and $E_3$ is not the usual balance of each bit over the data set, but a balance within each
# photo. Keep that in mind; it will matter.
#
# To see the terms at work we need latent values, but no photos. `terms` asks the library for the
# terms of made-up values; the class scores are all set to zero. Three photos of eight units each:


# %%
def terms(values, loss):
    scores, labels = torch.zeros(len(values), 2), torch.zeros(len(values), dtype=torch.int64)
    return loss(Outputs(None, None, values, scores), labels)


examples = torch.tensor([[0.5] * 8, [0.9, 0.1] * 4, [0.9] * 8])
figure, axes = subplots(figsize=(6.4, 2))
axes.imshow(examples, vmin=0, vmax=1, aspect="auto", cmap="cividis")
for row, values in enumerate(examples):
    e2, e3 = (float(term) for term in terms(values[None], SSDH())[2:])
    axes.text(7.7, row, f"E2 = {e2 + 0.0:.2f}   E3 = {e3:.2f}", va="center")
axes.set(
    xticks=[], yticks=range(3), yticklabels=["undecided", "decided, half on", "decided, all on"]
)
axes.grid(False)
show(figure, alt="Undecided units have E2 0, decided ones -0.16; E3 is 0.16 only where all are on.")

# %% [markdown]
# ### Exercise 3.1 · 10 min
# Compute $E_2$ and $E_3$ of a batch of latent values with NumPy. For each photo of the picture your
# function should give the two numbers beside it.


# %%
def constraints(latent):
    """Exercise 3.1: E2 and E3 of latent values.

    Real (n, bits) -> two real numbers.
    """
    ### BEGIN SOLUTION
    e2 = -((latent - 0.5) ** 2).mean()
    e3 = ((latent.mean(1) - 0.5) ** 2).mean()
    return e2, e3
    ### END SOLUTION


# %%
check("3.1", constraints)

# %% [markdown]
# The cells from here on use your function if it is correct, and ours if it is not yet. It answers
# how the two networks of this notebook differ, over all source photos.

# %%
constraints = use("3.1", constraints)
for name, values in latent.items():
    e2, e3 = constraints(values)
    print(f"{name}: E2 = {e2:.3f}, E3 = {e3:.4f}, undecided {100 * undecided(values):.1f} %")
figure, axes = subplots(figsize=(6.4, 2.8))
for place, (name, values) in enumerate(latent.items()):
    axes.bar(np.arange(10) / 10 + 0.03 + 0.04 * place, drawers(values), 0.04, label=name)
axes.axvline(0.5, color="black", linestyle="--", linewidth=1)
axes.set(xlabel="latent value", ylabel="% of all units and photos")
axes.legend(loc="upper center")
show(figure, alt="Latent values of DLBH and SSDH in ten drawers from 0 to 1, in percent.")

# %% [markdown]
# Both constraints moved in the direction they were asked to, and not far: at weight 1 they are a
# light hand on a network that decides anyway. That agrees with the MAP above.
#
# ## Each term by itself
# What does a constraint do when nothing opposes it? Take twelve made-up photos with sixteen units.
# Most units lean to one side for all photos, as untrained ones do. Then let the values slide down
# the slope of some terms, without any network and without $E_1$ (its weight $\alpha$ is 0).

# %%
random = np.random.default_rng(3)
start = random.normal(0.5, 1.5, 16) + random.normal(0, 0.8, (12, 16))


def slide(loss, steps=400):
    z = torch.tensor(start, requires_grad=True)
    for _ in range(steps):
        slope = torch.autograd.grad(terms(torch.sigmoid(z), loss).total, z)[0]
        z = (z - 100 * slope).detach().requires_grad_()
    return torch.sigmoid(z).detach().numpy()


results = {"start": slide(SSDH(), steps=0)}
results["E2"] = slide(SSDH(alpha=0, beta=1, gamma=0))
results["E3"] = slide(SSDH(alpha=0, beta=0, gamma=1))
results["E2 + 4 E3"] = slide(SSDH(alpha=0, beta=1, gamma=4))
results["E2 + 4 E3'"] = slide(SSDH(alpha=0, beta=1, gamma=4, balance="bit"))

# %%
figure, axes = subplots(1, 5, figsize=(6.4, 2.4), sharey=True)
for axis, (title, values) in zip(axes, results.items(), strict=True):
    axis.imshow(values.round(1), vmin=0, vmax=1, aspect="auto", cmap="cividis")
    same = ((values >= 0.5).mean(0).round(2) % 1 == 0).sum()
    axis.set(title=title, xlabel=f"16 units\n{same} never change", xticks=[], yticks=[])
    axis.grid(False)
axes[0].set_ylabel("12 photos")
show(
    figure,
    alt="Twelve photos of sixteen units: start, under E2, E3, both, and both with E3 per bit.",
)

# %% [markdown]
# Pale is 1, dark is 0. $E_2$ alone sends every unit to the side where it already was, so a unit that
# leant one way for all photos is stuck there. $E_3$ alone shifts whole rows and decides nothing.
# Together they give rows that are decided and half on, and still columns of one colour: bits that
# never change, which is what $E_3$ allows. The variant
#
# $$E_3' = \frac{1}{K} \sum_k \left(\text{mean}_n\, a_{nk} - \tfrac12\right)^2$$
#
# puts the mean over the photos in the place of the mean over the units. In words: each bit on for
# half of the photos. In the last panel no column is left of one colour.
#
# ## The training loop, live
# A network adds what was missing: all units of a photo hang on the same weights, and $E_1$ pulls as
# well. We train a small one on twelve places with thirty photos each, five times, and judge the runs
# by bands that are wide enough for every computer. The loop is `mvs_lib.deep.training.train`. It
# draws batches, calls the loss, follows its slope, and knows no method by name. Who wants to look on
# hands in a *callback*:

# %%
from mvs_lib.deep.training import Callback, Settings, build_network, train

show_source(Callback)

# %% [markdown]
# Ours notes the share of undecided units after each epoch (one pass over all photos), and can stop
# the run early, as a class that ends at noon would.


# %%
class Watch(Callback):
    def __init__(self, photos, stop_after=None):
        self.photos, self.stop_after, self.undecided = photos, stop_after, []

    def on_epoch(self, network, history):
        values = expit(project(network, self.photos.images))
        self.undecided.append(undecided(values))
        return history.epochs == self.stop_after


first = [np.flatnonzero(source.labels == place)[:30] for place in range(12)]
few = source.take(np.concatenate(first))
settings = Settings(epochs=12, batch_size=32, augment=False)


def fresh():
    return build_network(settings, bits=48, classes=12, width=16)


# %% [markdown]
# First DLBH, in two sittings. With `checkpoint` the whole state of a run (weights, optimiser, terms
# so far) goes into a file after each epoch. Called again with the same settings, loss and photos,
# `train` takes up where the file ends; the stop button loses at most one epoch. Run the cell and
# watch the progress bar.

# %%
networks_few = {"E1": fresh()}
with tempfile.TemporaryDirectory() as folder:
    file = f"{folder}/run.safetensors"
    morning = Watch(few, stop_after=5)
    history = train(networks_few["E1"], DLBH(), few, settings, callbacks=[morning], checkpoint=file)
    print(f"before lunch: {history.epochs} of {settings.epochs} epochs")
    afternoon = Watch(few)
    networks_few["E1"] = fresh()  # as after a new start of the computer
    history = train(
        networks_few["E1"], DLBH(), few, settings, callbacks=[afternoon], checkpoint=file
    )
    print(f"after lunch: {history.epochs}, of which {len(afternoon.undecided)} in this sitting")
falling = history.terms["classification"]
print("E1 fell in both sittings:", falling[0] > falling[4] > falling[-1])

# %% [markdown]
# Plot `morning.undecided` and `afternoon.undecided` if you like to see the units make up their minds.
# (We do not: trained live, they differ a little from computer to computer.)
#
# Now with the constraints. Their slope is divided among all units, so with weight 1 they are gentle;
# in a run as short as this one we give them weight 8, to see them clearly. A fifth run has no
# constraint again, but lets the hash layer and the classifier learn twenty times faster than the
# rest, as the shipped networks did.

# %%
losses = {"E1 + E2": SSDH(beta=8, gamma=0), "E1 + E2 + E3": SSDH(beta=8, gamma=8)}
losses["E1 + E2 + E3'"] = SSDH(beta=8, gamma=8, balance="bit")
for name, loss in losses.items():
    networks_few[name] = fresh()
    train(networks_few[name], loss, few, settings, progress=False)
fast = Settings(epochs=12, batch_size=32, augment=False, head_rate=20)
networks_few["E1, fast"] = fresh()
history = train(networks_few["E1, fast"], DLBH(), few, fast, progress=False)

# %%
few_latent = {}
for name, network in networks_few.items():
    few_latent[name] = expit(project(network, few.images))
middle = {name: undecided(a) for name, a in few_latent.items()}
rows_off = {name: constraints(a)[1] for name, a in few_latent.items()}
columns_off = {name: constraints(a.T)[1] for name, a in few_latent.items()}

# %% [markdown]
# `constraints(a.T)` turns the table over, so that its $E_3$ becomes our $E_3'$. Five statements,
# each with the band in which it counts as held:


# %%
def verdict(statement, smaller, larger, factor):
    held = factor * smaller < larger
    print(f"{'held' if held else 'NOT HELD':8} {statement} (by a factor of {factor} or more)")


verdict("E2 leaves fewer units undecided", middle["E1 + E2"], middle["E1"], 2)
verdict("a fast head does so without E2", middle["E1, fast"], middle["E1"], 2)
verdict("E3 halves the photos better", rows_off["E1 + E2 + E3"], rows_off["E1 + E2"], 2)
verdict("E3' halves the bits better", columns_off["E1 + E2 + E3'"], columns_off["E1 + E2 + E3"], 4)
verdict("E2 alone makes bits lopsided", columns_off["E1"], columns_off["E1 + E2"], 4)

# %% [markdown]
# The second line explains the histogram of the shipped networks. The last one is the price of
# pushing hard: a unit that is sent to the wall before it has learnt anything stays there, for all
# photos. $E_3$ does not help, as it did not above. So a weight is chosen on held-back photos
# (`validation_split`), never on the queries.
#
# ## Watch the bits make up their minds
# The panel trains the same small network while you look on: the terms of the loss by step, for each
# bit the share of photos that have it on, and after each epoch the MAP of queries that the network
# has not seen, beside the share of undecided units. Training has a thread of its own, so that you may
# run other cells meanwhile, pause it while somebody asks a question, and go on. Another loss begins
# anew.
#
# **Predict** before you start it: with $E_2$ alone beside $E_1$, where will the bars in the middle
# go, and which is faster, the curve of the undecided units or that of the MAP? What will $E_3'$ do
# to the bars?

# %% tags=["panel"]
from mvs_lib.widgets.training_monitor import TrainingMonitor

choices = {"E1": DLBH, "E1 + E2": lambda: SSDH(beta=8, gamma=0)}
choices |= {"E1 + E2 + E3": lambda: SSDH(beta=8, gamma=8)}
choices |= {"E1 + E2 + E3'": lambda: SSDH(beta=8, gamma=8, balance="bit")}
asking = query.take(np.flatnonzero(query.labels < 12))
stored = few.take(np.arange(0, len(few), 3))
panel = TrainingMonitor(choices, lambda loss: fresh(), few, settings, asking, stored)
panel

# %%
panel.loss.value = "E1 + E2 + E3'"
panel.training.value = True
_ = panel.wait()
print(panel.summary())

# %% [markdown]
# Start the others, too. With $E_2$ alone the undecided units are gone after a few epochs, long before
# the MAP has arrived, and many of the bars stand at 0 or 1: bits that were decided before the
# classifier had its say, and never come back. $E_3'$ brings them to life. The MAP hardly gains by it
# here, since twelve places can be told apart with half of the bits; with many places every bit counts.
#
# ## Dead bits, redundant bits
# Back to the shipped networks. How many of their 48 bits are worth their place? A bit is *dead* if
# it is the same for all photos. In between, its worth is its *entropy*: with $p$ the share of photos
# that have it on,
#
# $$H = -p \log_2 p - (1 - p) \log_2 (1 - p)$$
#
# In words: the average surprise at its value, in bits. It is 1 for a bit that halves the photos, and
# 0 for a dead one, since $0 \log_2 0$ counts as 0.
#
# ### Exercise 3.2 · 10 min
# Compute the entropy of each bit. For the three columns of `[[1, 0, 1], [1, 0, 0]]` it is 0, 0
# and 1: two dead bits and a perfect one.


# %%
def bit_entropy(bits):
    """Exercise 3.2: the entropy of each column, in bits.

    0/1 values (n, bits) -> real (bits,).
    """
    ### BEGIN SOLUTION
    on = bits.mean(0)
    total = np.zeros(len(on))
    for share in (on, 1 - on):
        positive = share > 0
        total[positive] -= share[positive] * np.log2(share[positive])
    return total
    ### END SOLUTION


# %%
check("3.2", bit_entropy)

# %% [markdown]
# A bit may also be *redundant*: lively, but saying what another one says already. For that we take
# the strongest correlation of each bit with any other, without its sign, since a bit and its
# opposite tell the same. Both curves are sorted.

# %%
bit_entropy = use("3.2", bit_entropy)
figure, axes = subplots(1, 2, figsize=(6.4, 2.8))
for name, index in indexes.items():
    bits = unpack(index.codes, 48)
    entropy = bit_entropy(bits)
    alive = bits[:, entropy > 0]
    twins = np.abs(np.corrcoef(alive.T) - np.eye(alive.shape[1])).max(0)
    axes[0].plot(np.sort(entropy).round(2), label=name)
    axes[1].plot(np.sort(twins).round(2), label=name)
    worth, dead = entropy.sum(), np.sum(entropy < 0.1)
    print(f"{name}: {worth:.1f} bits of entropy in 48 bits, {dead} dead or nearly so")
for axis, label in zip(axes, ("entropy", "strongest correlation"), strict=True):
    axis.set(ylim=(0, 1.05), xlabel="bits, sorted", ylabel=label)
axes[1].legend()
show(figure, alt="Entropy of the 48 bits, and each bit's strongest correlation, for DLBH and SSDH.")

# %% [markdown]
# On the left, a curve near 1 means that hardly a bit is wasted; where it drops, bits are on, or off,
# for nearly all photos. The sum of the entropies is the most that the code could tell, if no bit
# repeated another. On the right, a point near 1 would be a bit with a twin: paid for twice, and a
# burden to an index that cuts the code into pieces (notebook 09).
#
# The shipped networks waste next to nothing, although neither was asked to balance each of its bits:
# telling many places apart takes lively bits. Twelve places take fewer, and heavy constraints push
# harder. Here are three of the small networks again, by a verdict: are six or more of their 48 bits
# nearly dead?

# %%
for name in ("E1", "E1 + E2 + E3", "E1 + E2 + E3'"):
    dead = np.sum(bit_entropy((few_latent[name] >= 0.5).astype(np.uint8)) < 0.1)
    print(f"{name:14} {'yes' if dead >= 6 else 'no'}")

# %% [markdown]
# $E_3$ was at work in the second, and let them die.
#
# ## Bits that flip
# A phone does not send the photo that the database holds. It sends another one, blurred by a hurried
# hand. What search needs is that the *bits* stay the same.
#
# ### Exercise 3.3 · 10 min
# Given the packed codes of clean photos and of the same photos spoilt, say how often each bit flips.
# `unpack(codes, bits)` gives 0/1 values without the padding. (A dead bit never flips. So a low flip
# rate alone is no praise: ask for the entropy, too.)


# %%
def flip_rate(clean, noisy, bits):
    """Exercise 3.3: how often each bit flips.

    Codes uint8 (n, bytes) twice, and the number of bits -> real (bits,).
    """
    ### BEGIN SOLUTION
    return (unpack(clean, bits) != unpack(noisy, bits)).mean(0)
    ### END SOLUTION


# %%
check("3.3", flip_rate)

# %% [markdown]
# The panel takes a query photo, spoils it with one of the capture conditions of
# `mvs_lib.datasets.capture`, and shows its 48 latent values as bars from one half, blue where the
# bit stays and orange where it flips. Black marks are the clean photo's values. Below the controls
# stands the nearest source photo.
#
# **Predict** before you move it: which method flips fewer bits when the photo is blurred (condition
# `motion`, a hand that moves during the exposure), and why? Which of its bits will go first?

# %% tags=["panel"]
from mvs_lib.widgets.bit_flips import BitFlips

panel = BitFlips(networks, indexes, source, query)
panel

# %%
panel.photo.value, panel.condition.value, panel.strength.value = 5, "motion", 0.8
for panel.method.value in networks:
    print(panel.summary())

# %% [markdown]
# One photo is an anecdote. Here is one query of every place, at five strengths of blur. On the left
# the share of bits that flip; on the right, how often the nearest source photo still shows the right
# place.

# %%
flip_rate = use("3.3", flip_rate)
chosen = query.take(np.arange(0, len(query), 2))


def blur(strength):
    return np.stack([capture.motion(image, strength, i) for i, image in enumerate(chosen.images)])


# %%
strengths = [0, 0.25, 0.5, 0.75, 1]
flips, right = {name: [] for name in networks}, {name: [] for name in networks}
for strength in strengths:
    blurred = blur(strength)
    for name, network in networks.items():
        clean, noisy = (binarize(project(network, x)) for x in (chosen.images, blurred))
        flips[name].append(100 * flip_rate(clean, noisy, 48).mean())
        _, ids = indexes[name].search(noisy, k=1)
        right[name].append(100 * np.mean(source.labels[ids[:, 0]] == chosen.labels))

# %%
figure, axes = subplots(1, 2, figsize=(6.4, 2.8))
for name, marker in zip(networks, "os", strict=True):
    axes[0].plot(strengths, np.round(flips[name], 1), marker + "-", label=name)
    axes[1].plot(strengths, np.round(right[name]), marker + "-", label=name)
axes[0].set(xlabel="strength of the blur", ylabel="% of the bits that flip")
axes[1].set(xlabel="strength of the blur", ylabel="% of first answers right", ylim=(0, 100))
axes[0].legend()
show(figure, alt="Flipped bits and right first answers of both methods by strength of the blur.")

# %%
mean = {name: np.mean(shares[1:]) for name, shares in flips.items()}
for name in networks:
    print(f"{name}: {mean[name]:.1f} % of the bits flip on average")
close = max(mean.values()) < 1.1 * min(mean.values())
steadier = "neither" if close else min(mean, key=mean.get)
print(f"Flips fewer bits on this campus: {steadier}. Was that your prediction?")

# %% [markdown]
# If neither wins, remember the two histograms: their units are decided alike, so $E_2$ had little
# left to do. And look at both curves together: several bits of a code may flip before the first
# answer is lost, since the codes of other places are further away still.
#
# And which bits go first? Sort all bits of all these photos by how far their clean latent value is
# from one half, and see how many of each group flip under the middle blur.

# %%
blurred = blur(0.5)
edges = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5])
figure, axes = subplots(figsize=(6.4, 2.8))
for place, (name, network) in enumerate(networks.items()):
    clean, noisy = project(network, chosen.images), project(network, blurred)
    distance = np.abs(expit(clean) - 0.5)
    group = np.digitize(distance, edges[1:-1])
    percent = [np.rint(100 * np.mean(((clean >= 0) != (noisy >= 0))[group == g])) for g in range(5)]
    axes.bar(edges[:-1] + 0.035 + 0.03 * place, percent, 0.03, label=name)
axes.set(xlabel="distance of the clean latent value from one half", ylabel="% that flip")
axes.legend()
show(
    figure,
    alt="Bits whose clean latent value is near one half flip far more often than decided ones.",
)

# %% [markdown]
# A value near one half is a bit that the next photo may turn over, with either method. That is the
# practical sense of $E_2$: not nicer numbers, but fewer bits within reach of the threshold. Notebook
# 11 goes on from here, with more ways to spoil a photo.
#
# ## What the papers report, and what two cores can do
# Both papers also measure on CIFAR-10: 60,000 photos of 32 pixels, ten classes. All 50,000 training
# photos may be learned from and are the database, the 10,000 others ask. The authors' networks start
# from AlexNet, which ImageNet's million photos had taught to see. Ours start from nothing and have
# seen CIFAR-10 alone: `python -m mvs_lib bench cifar10_p2` trains a trunk for such small photos
# (Jordan's "airbench", 2024) in under an hour of two cores, and learns the bits on its features.

# %%
cifar_rows = report.load("cifar10_p2")["rows"]
print("            one view           six views          published")
print("            MAP   mAP@1000     MAP   mAP@1000     mAP@1000")
for method, bits in ((method, bits) for method in ("dlbh", "ssdh") for bits in (12, 24, 32, 48)):
    found = [row for row in cifar_rows if (row["method"], row["bits"]) == (method, bits)]
    print(f"{method.upper()} {bits:3}", end="")
    for views in (1, 6):
        ours = [row for row in found if row["views"] == views]
        for key in ("map", "map_at_1000"):
            print(f"{np.mean([row[key] for row in ours]):9.3f}", end="")
    there = found[0].get("published_map_at_1000")
    print(f"{'-' if there is None else f'{there:.3f}':>14}")

# %% [markdown]
# Six views are the photo and its mirror image, both also moved by a pixel, two ways; their features
# are averaged: six times the time to encode, for a little more. Read the table with four cautions.
# The two methods are close at 24 bits and more: with many labels, the constraints make little
# difference to a ranking. mAP@1000 divides by the positives found among the first thousand, not by
# all 5,000, so that it is no bound for the MAP beside it, above or below. Twelve bits do nearly as
# well as 48, since ten classes need no more than four, but a mean can hide an accident: see below.
# And none of these figures belongs beside the older methods in the same papers' tables, which saw
# 5,000 labels where these saw 50,000. Measure, split, labels and pretraining all move the number;
# compare only what shares them. Notebook 04 takes one method through both protocols.
#
# The accident is SSDH's at twelve bits: one seed of it stands far below the others. Which term is to
# blame? **Predict** first. Then see what `python -m mvs_lib bench cifar10_p2_reasons` found. It learned
# hash layer and classifier alone, from twenty starts, on the trunk that comes with the course, and
# looked up which code most photos of a class have.

# %%
starts = report.load("cifar10_p2_reasons")["rows"]
print("classes share a code in ... of the starts")
for method, bits in dict.fromkeys((row["method"], row["bits"]) for row in starts):
    own = [row for row in starts if (row["method"], row["bits"]) == (method, bits)]
    sharing = [row["map"] for row in own if row["class_codes"] < row["classes"]]
    parted = [row["map"] for row in own if row["class_codes"] == row["classes"]]
    print(f"{method:15} {bits} bits: {len(sharing):2} of {len(own)};", end=" ")
    print(f"MAP {np.mean(parted):.3f}", end="")
    print(f", where they share one {np.mean(sharing):.3f}" if sharing else "")

# %% [markdown]
# It is $E_2$. It drives the units to 0 or 1 from the first step on, before the classes have parted, and
# a unit at the end of its sigmoid has hardly a gradient left to come back by. Two classes that were
# driven to one code stay there, and no ranking by Hamming distance can part them again. With 24 bits
# there is room to go round each other.
#
# ### The recipe race
# Twenty-four passes over 50,000 photos are nearly half an hour on two cores. Where does the time go, and
# what may be left out? `python -m mvs_lib bench cifar10_recipe` runs that training for eight passes, and
# changes one ingredient at a time. After every pass it learns 48 bits on the trunk as it is then, and
# 1,000 of the test photos ask for those of their class among 5,000. **Predict**: which ingredient is
# missed most after one minute, and which after eight?

# %%
race = report.load("cifar10_recipe")["rows"]
figure, axes = subplots(figsize=(6.4, 3.6))
for place, name in enumerate(dict.fromkeys(row["recipe"] for row in race)):
    own = [row for row in race if row["recipe"] == name]
    minutes, values = ([row[key] for row in own] for key in ("minutes", "map"))
    axes.plot(minutes, np.round(values, 3), "osD^v<"[place] + "-", label=name)
    print(f"{name:34} {minutes[-1]:5.1f} minutes, MAP {values[-1]:.3f}")
axes.set(xlabel="minutes of training on two cores", ylabel="MAP, 48 bits")
axes.legend()
show(figure, alt="MAP against minutes of training, a curve a recipe, a dot a pass over the photos.")

# %% [markdown]
# The first minutes bring most, and the trunk of the campus, a much smaller one, is through with its eight
# passes before the others have done one: for a first look there is nothing cheaper. Moved and mirrored
# photos take no time and slow the start. A network that sees the very same photo again learns it
# sooner, and by heart at last: that curve leads for five passes and ends below the others of its trunk.
# Smoothed labels help a little all the way. A covered part of each photo has not paid after eight
# passes; it is for long trainings, in which a photo comes back often. And photos made smaller for the
# first half cost half the time while the trunk learns what is coarse anyway: they end as high as the
# whole recipe, a fifth sooner. (One seed each: who wants to swear to the last percent runs more.)
#
# ## Quiz
# Tab to an option, choose it with Enter; the reason appears below.

# %%
quiz("03")

# %% [markdown]
# ## Summary
# - A layer of $K$ sigmoid units between features and classifier, thresholded at one half, is a hash
#   function that is learnt together with the features.
# - DLBH trains it by cross-entropy alone; nothing keeps its units away from the threshold.
# - SSDH adds $E_2$, away from one half, and $E_3$, half of the bits of a photo on.
# - $E_3$ balances photos, not bits: dead bits remain possible, and entropy finds them.
# - Bits near the threshold flip first; and a gap within the spread of the seeds is no result.
#
# ## On a real phone
# The classifier stays at home: the phone carries trunk and hash layer, and sends six bytes. Training
# happens on the server, once. What changes is the photo: other cameras, compression and hands than
# those of the training set, so measure flips on photos of real phones before you choose the number
# of bits and the search radius. Notebook 08 exports this network and runs it without PyTorch.
#
# ## Next
# Labels of places are only one way to say what belongs together. Notebook 04 learns from pairs and
# triplets: these two photos are alike, those two are not.

# %%
finish("03")
