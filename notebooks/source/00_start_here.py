# %% [markdown]
# # Start here: from a phone photo to the name of a place
# In half an hour you will have sent a photo of a building down the whole road: to 48 numbers, to 6
# bytes, to distances, to the name of the building. Every later notebook takes one stretch of that
# road and teaches it properly.

# %% [markdown]
# | Minutes | Needs | You will be able to |
# |---|---|---|
# | 30 | basic Python; what a vector is | say what a hash code of a photo is, follow a photo from the phone to its answer, and use the exercises, panels and quizzes of this course |

# %%
import numpy as np

from mvs_lib import paths
from mvs_lib.codes import binarize, hamming_distance, pack, unpack
from mvs_lib.course import doctor
from mvs_lib.course.check import check, finish, use
from mvs_lib.course.figure import PALETTE, show, show_images, subplots
from mvs_lib.course.quiz import quiz
from mvs_lib.course.source import show_source
from mvs_lib.datasets import campus
from mvs_lib.deep import checkpoint
from mvs_lib.deep.encoding import encode, project
from mvs_lib.service import demonstration
from mvs_lib.widgets.first_search import FirstSearch

# %% [markdown]
# ## What the course is about
# You stand before a building, point your phone at it and want to know what it is. That is *mobile
# visual search*: the question is a photo, and the answer comes from a database of photos that
# somebody took before you. Two things make it hard. A phone should send little, because radio costs
# time and battery. And the database should answer quickly, although it may hold millions of photos.
#
# One idea serves both ends. A *hash function* turns a photo into a short row of bits, its *code*, so
# that photos of one place get nearly the same bits. The phone sends the code instead of the photo. The
# database keeps codes, and compares them by counting the bits that differ. A *deep* hash function is a
# neural network that has learned which bits to set.
#
# The course follows the survey "Deep learning hashing for mobile visual search" (Liu et al., 2017),
# from hash functions before deep learning to networks small enough for a phone. It is for students who
# know some Python and linear algebra, and for their teachers. Nothing here needs a graphics card or,
# once installed, the internet.

# %% [markdown]
# ## The end result first
# Below is a campus of 162 places. Its photos are **generated**: the survey's own photos are not
# public, so the course draws buildings, trees and statues, in all weathers, as a crowd with phones
# would take them. Real photos are much harder.
#
# The *source* photos are the database. The *query* photos are what the phones send, and no query is
# in the database. The first time you run this cell, all 8,062 photos are drawn; that takes some
# minutes, once.

# %%
split = campus.load()
source, query, names = split.source, split.query, split.query.names
ssdh = paths.checkpoints() / "campus_ssdh_48.safetensors"
recognizer, _ = demonstration.prepare(source, ssdh, progress=False)
print(f"{len(source):,} source photos and {len(query):,} query photos of {len(names)} places")

# %% [markdown]
# Six of the queries stand in the upper row. Under each is the source photo whose code is nearest: the
# place it shows, and the *distance*, the number of bits in which the two codes differ.

# %%
which = demonstration.draw(query.labels, 6)
photos, titles, right = [*query.images[which]], [names[label] for label in query.labels[which]], 0
for i in which:
    answer = recognizer.recognize(query.images[i], k=1)[0]
    good = answer.label == query.labels[i]
    photos.append(source.images[answer.photo])
    titles.append(f"{answer.place}\ndistance {answer.distance}, {'right' if good else 'wrong'}")
    right += good
show_images(photos, titles, alt=f"Six queries over their nearest source photos; {right} are right.")

# %% [markdown]
# Look at what the network had to see through: the night, a tilted phone, leaves before the lens, noise
# and blur. It compares no pixels. It compares 48 bits. (Six photos prove little. All 1,620 are
# counted below, and notebook 10 asks which of them fail.)

# %% [markdown]
# ## Is everything here?
# The *doctor* looks at versions, files and memory, and says in plain words what to mend. On the
# command line, `python -m mvs_lib doctor` tells you all that it found.

# %%
findings = [each for each in doctor.examine() if each.subject != "notebooks"]
for each in findings:
    if each.status == "mend":
        print(f"{each.subject}: {each.found}. What to do: {each.mend}")
print("Essential things to mend:", sum(each.status == "mend" for each in findings))

# %% [markdown]
# ## The whole road in five cells
#
# ### 1. A photo
# A photo is an array of numbers: 128 rows, 128 columns, three colours, each from 0 to 255. Phones
# store it as a JPEG file, of some thousand bytes here and some million on a real phone.

# %%
number = int(which[0])
asked = query.images[number]
planes = [asked, *asked.transpose(2, 0, 1)]
titles = [names[query.labels[number]], "red", "green", "blue"]
show_images(
    planes, titles, alt="A query photo, and its red, green and blue planes in grey.", columns=4
)
print("rows, columns, colours:", asked.shape, "so", asked.size, "numbers")
print("as a JPEG file:", len(demonstration.jpeg(asked)), "bytes")

# %% [markdown]
# ### 2. Forty-eight numbers
# The network reads all those numbers and gives back 48. Nobody told it what each should mean. It was
# trained until these 48 were enough to tell the 162 places apart; notebook 03 shows how. The vector
# of these numbers is called the *projection* of the photo.

# %%
network, about = checkpoint.load(ssdh)
projection = project(network, asked[None])
figure, axes = subplots()
axes.bar(np.arange(48), projection[0].round(1), color=PALETTE[0])
axes.set(xlabel="number of the bit", ylabel="projection")
show(figure, alt="Forty-eight bars, some above zero and some below, of different heights.")

# %% [markdown]
# ### 3. Six bytes
# Now keep only the sign. A number that is zero or more becomes the bit 1, a negative one the bit 0.
# Eight bits fill a byte, so 48 bits fill six. This is all that the phone sends.

# %%
code = binarize(projection)
print("bits: ", "".join(map(str, unpack(code, 48)[0])))
print("bytes:", code[0].tobytes().hex(" "))

# %% [markdown]
# The two hexadecimal digits of a byte stand for four bits each. Is it not a loss to throw away how
# large the numbers were? It is. The training makes it a small one, by pushing the numbers away from
# zero, where a sign could flip.

# %% [markdown]
# ### 4. Distances
# The database holds a code for each source photo. The *Hamming distance* of two codes is the number
# of bits in which they differ: 0 for equal codes, at most 48, and about 24 for two codes that have
# nothing in common. Here is the query's code above those of two source photos.

# %%
own, label = unpack(code, 48)[0], query.labels[number]
print(f"{'query':11} {''.join(map(str, own))}")
for title, other in (("this place", label), ("another", label + 1)):
    first = np.flatnonzero(source.labels == other)[0]
    bits = unpack(recognizer.index_.codes[first : first + 1], 48)[0]
    marks = "".join("^" if differs else " " for differs in own != bits)
    print(f"{title:11} {''.join(map(str, bits))}")
    print(f"{'':11} {marks} {(own != bits).sum()} differ")

# %% [markdown]
# And all 6,442 source photos, by their distance from the query.

# %%
distances = hamming_distance(code, recognizer.index_.codes)[0]
same = source.labels == query.labels[number]
figure, axes = subplots()
for mask, name in ((~same, "photos of other places"), (same, "photos of this place")):
    share = np.bincount(distances[mask], minlength=49) / mask.sum()
    axes.bar(np.arange(49), 100 * share, alpha=0.7, label=name)
axes.set(xlabel="Hamming distance from the query, bits", ylabel="percent of these photos")
axes.legend()
show(figure, alt="Photos of the query's place lie at small distances, the others around 24 bits.")

# %% [markdown]
# The two heaps lie far apart. That is what a good hash function does: near means "the same place",
# far means "another". The right heap stands at 24 bits, where chance puts it.

# %% [markdown]
# ### 5. A place
# The answer is the place of the nearest source photo. (The library lets the ten nearest vote;
# notebook 10 shows when that helps.)

# %%
nearest = np.argsort(distances, kind="stable")[:5]
for photo in nearest:
    print(f"distance {distances[photo]:2}: source photo {photo:4}, {names[source.labels[photo]]}")

# %% [markdown]
# That is the whole road: a photo became six bytes, and six bytes became a name. The rest of the course
# asks, of each step: why does it work, how well, and what does it cost?

# %% [markdown]
# ## How these notebooks work
# Shift and Enter run a cell; run them from top to bottom. What is printed comes out the same on your
# machine.
#
# **Shown source.** Where a function of the library is the lesson, the notebook shows it as it is.
# Here is step 3.

# %%
show_source(binarize, docstring=False)

# %% [markdown]
# **Exercises.** Replace the `raise` line of a function, run the cell, then the check below it. It
# prints one line: *correct*, or the first case that fails, with a hint. It never stops you: later
# cells run whether you solved the exercise or not. Solved notebooks are in the folder `solutions`.
#
# ### Exercise 0.1 · 5 min
# Count the bits in which two packed codes differ. The *exclusive or* of two bytes, `a ^ b`, has a 1
# wherever they differ:
#
# ```
# a      0 1 1 0 1 0 0 1
# b      0 1 0 0 1 0 1 1
# a ^ b  0 0 1 0 0 0 1 0     two ones: distance 2
# ```
#
# NumPy counts the ones of each byte with `np.bitwise_count`.


# %%
def distance(a, b):
    """Exercise 0.1: count the differing bits of each row; uint8 (n, bytes) twice -> (n,)."""
    ### BEGIN SOLUTION
    return np.bitwise_count(a ^ b).sum(1)
    ### END SOLUTION


# %%
check("0.1", distance)

# %% [markdown]
# ### Exercise 0.2 · 5 min
# One step back on the road: make the bytes. Turn real numbers into packed codes, bit 1 where a number
# is zero or more. `np.packbits` puts eight bits into a byte, the first bit as the most significant;
# mind that every row is a code of its own.
#
# ```
# projection   0.0 -1.0  2.0 -0.5 -3.0 -1.0 -2.0  1.0
# bits          1    0    1    0    0    0    0    1
# byte         128 + 0 + 32  + 0  + 0  + 0  + 0  + 1   = 161
# ```


# %%
def to_bytes(projection):
    """Exercise 0.2: real (n, bits) -> codes, uint8 (n, ceil(bits / 8))."""
    ### BEGIN SOLUTION
    return np.packbits(projection >= 0, axis=1)
    ### END SOLUTION


# %%
check("0.2", to_bytes)

# %% [markdown]
# The next cell uses your two functions if they are correct, and ours if they are not yet. It finds
# the nearest source photo of the query with nothing but these two.

# %%
to_bytes, distance = use("0.2", to_bytes), use("0.1", distance)
codes = recognizer.index_.codes
mine = distance(np.repeat(to_bytes(projection), len(codes), axis=0), codes)
print(names[source.labels[mine.argmin()]], "at distance", mine.min())

# %% [markdown]
# **Panels.** A panel has sliders, and an answer that follows them. Before it stands a question to
# you. Answer it first: a wrong guess teaches more than a moving slider. Sliders take the mouse, or
# the arrow keys after Tab has reached them; a list opens with the space bar.
#
# This panel compares only the first bits of every code. With one bit, about half of the database is
# equally near to any query, and the answer is the first of thousands.
#
# **Predict**: how few bits will still name the right place for most photos: 40, 20, 10, or 5? With
# *n* bits there are 2ⁿ different codes, and 162 places to tell apart.

# %% tags=["panel"]
shown = query.take(demonstration.draw(query.labels, 40))
panel = FirstSearch(source, codes, shown, encode(network, shown.images))
panel

# %%
panel.photo.value = 7
for bits in (48, 24, 12, 6, 3):
    panel.bits.value = bits
    print(panel.summary())

# %% [markdown]
# One photo is an anecdote. Here are all 1,620, and the number of right answers against the number of
# bits that were compared.

# %%
query_bits, source_bits = unpack(encode(network, query.images), 48), unpack(codes, 48)
lengths, right = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48), []
for bits in lengths:
    near = hamming_distance(pack(query_bits[:, :bits]), pack(source_bits[:, :bits])).argmin(1)
    right.append((source.labels[near] == query.labels).sum())
figure, axes = subplots()
axes.plot(lengths, right, "o-")
axes.set(xlabel="bits compared", ylabel="right answers of 1,620", ylim=(0, len(query)))
show(figure, alt="Right answers rise steeply up to about 16 bits, then level off.")

# %% [markdown]
# Eight bits could number 162 places, if each place had a number of its own and no photo ever missed
# it. Photos do miss it by a bit or two, and a code must keep the places apart in spite of that: here,
# eight bits answer a quarter of the queries. The room between the places is what the others are for.

# %% [markdown]
# **Quizzes.** Each notebook ends with one. Every option, right or wrong, has a reason; read the
# others too.

# %% [markdown]
# ## The map of the course
#
# | Notebook | What it teaches |
# |---|---|
# | [01 Mobile visual search](01_mobile_visual_search.ipynb) | four things that a phone can send |
# | [02 Traditional hash bits](02_traditional_hash_bits.ipynb) | hyperplanes and rotations; measures and ties |
# | [03 Deep hashing](03_deep_hashing.ipynb) | networks that learn to set bits |
# | 04 Pairs and triplets | losses that compare photos |
# | 05 Hashing without labels | when nobody names the places |
# | 06 Faster convolutions | fewer multiplications, nearly the same bits |
# | 07 Smaller models | a network in fewer bytes |
# | 08 Phone encoder | the file that runs on the phone |
# | 09 Multi-index search | exact search that looks at few codes |
# | [10 Location recognition](10_location_recognition.ipynb) | the survey's case study, whole |
# | 11 Open issues | noise, sensors, progressive answers |
# | 12 Beyond one machine | the index on several servers |
# | 13 Your own photos | your photos in the place of the campus |
#
# Those with a link are there; the others are being written.

# %% [markdown]
# ## Quiz
# Tab to an option, choose it with Enter; the reason appears below.

# %%
quiz("00")

# %% [markdown]
# ## Summary
# - Mobile visual search answers a photo with what a database knows of similar photos.
# - A hash function turns a photo into a short code, so that photos of one place get nearly the same bits.
# - The phone sends the code: here 48 bits, six bytes, in place of a photo.
# - The Hamming distance counts differing bits; the nearest source photo names the place.
# - The campus of this course is generated, and easier than life.
#
# ## On a real phone
# Steps 1 to 3 run on the phone, without PyTorch: the trained network is exported to one small file,
# which a runtime of a few megabytes executes. Steps 4 and 5 run on the server. Between the two,
# nothing travels but the code and the answer.
#
# ## Next
# [Notebook 02](02_traditional_hash_bits.ipynb) makes codes without a network. Or go straight to
# [notebook 10](10_location_recognition.ipynb) and see the whole case study before its parts.

# %%
finish("00")
