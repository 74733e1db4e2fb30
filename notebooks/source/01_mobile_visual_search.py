# %% [markdown]
# # Mobile visual search: four things a phone can send
# Somebody photographs a building and asks what it is. The answer is on a server, and between the
# two lies a road that is narrow. You will send the same photo in four ways, from a whole picture
# down to six bytes, count every byte that travels, and learn to read the field's own chart:
# accuracy against bytes, the *recognition bitrate*.

# %% [markdown]
# | Minutes | Needs | You will be able to |
# |---|---|---|
# | 90 | notebook 00 | name the four kinds of query and make one of each; code a histogram in nine bits; say what a query costs in bytes, in seconds and on the server; choose a system for a budget |

# %%
import cv2
import numpy as np
from scipy.spatial.distance import cdist

from mvs_lib.benchmarks import report
from mvs_lib.course.bitrate_chart import KINDS, bitrate_chart, frontier, knows, operating_points
from mvs_lib.course.check import check, finish, use
from mvs_lib.course.figure import PALETTE, show, show_images, subplots
from mvs_lib.course.quiz import quiz
from mvs_lib.course.source import show_source
from mvs_lib.datasets import campus
from mvs_lib.features import gradient_histograms
from mvs_lib.features.local import detect, root
from mvs_lib.widgets.bitrate_explorer import BitrateExplorer

# %% [markdown]
# ## The end result first
# Each mark below is a complete system: a phone's half that turns a photo into bytes, and a
# server's half that ranks all source photos by those bytes and by nothing else. To the right,
# more is sent; further up, the right place is found more reliably. The axis of bytes is
# logarithmic: each step to the right is ten times the bytes. *MAP* looks at the whole ranking of
# the source photos, and is 1 when all photos of the place stand in front (notebook 02 has its
# formula). A hollow mark has an easier life: its phone also sends where it stands, and the server
# need not look at the far side of the campus.

# %%
points = operating_points(report.load("queries")["rows"])
figure, alt = bitrate_chart(points)
show(figure, alt=alt)
print(f"{len(points)} ways to ask. {points[0]['protocol']}.")

# %% [markdown]
# The grey staircase is the *frontier*: the systems that nobody beats with as few bytes. Whatever
# lies below it sends more for less. These are its steps, as they were measured:

# %%
for point in frontier(points):
    named = f"{point['method']}, {point['kind']}"
    print(f"{point['bytes']:9,.0f} bytes  MAP {point['map']:.2f}  {named}")

# %% [markdown]
# The survey that this course follows (Liu et al., 2017, section 1.2) sorts such systems by what
# they send: *images*, *features*, *compressed features*, *hash bits*. We take the four one after
# another.
#
# A warning before you believe any height in the chart: **the campus is generated**. Real photos
# are harder, and harder in other ways. Take the way of measuring with you, and leave the heights
# here.

# %% [markdown]
# ## One photo, and a server that knows 120
# The chart was measured beforehand, on the whole campus. Here we work on a small one, drawn now:
# six places, and photos of 256 pixels a side. The campus knows how strongly each was spoilt by
# weather and by the hand that held the phone. We are going to send the clearest query photo of a
# building; one of a tree is clearer still.

# %%
split = campus.load(places=6, source=120, query=30, size=256, progress=False)
source, query, names = split.source, split.query, split.query.names
strength = np.sum(list(query.conditions.values()), axis=0)
asked = int(strength.argsort()[1])  # the first is a tree
photo, side = query.images[asked], query.images.shape[1]
print(f"{len(source)} source photos and {len(query)} query photos of {len(names)} places")
same = source.images[source.labels == query.labels[asked]]
titles = ["the query", *["source"] * 5]
alt = "The query photo, and five source photos of its place from other sides and in other light."
show_images([photo, *same[:5]], titles, alt)

# %% [markdown]
# All these photos show one place, and hardly a pixel is where it was. That is the difficulty of
# the whole field. As numbers in memory the photo is large: three bytes a pixel.

# %%
print(f"{side} x {side} pixels: {photo.nbytes:,} bytes in memory")

# %% [markdown]
# ## The envelope
# Before anything is sent, a word on honest counting. Each query of this course travels in an
# envelope of three bytes: one says which system wrote it, and two are a *checksum*, a number
# computed from all the others. They are counted wherever we count bytes.

# %%
from mvs_lib.queries.payload import OVERHEAD, PayloadError, pack, unpack

show_source(pack, docstring=False)
letter = pack(7, b"bits")
print(letter.hex(" "), "->", unpack(7, letter))

# %% [markdown]
# If a single bit turns over on the way, the checksum no longer fits, and the server asks again.
# It does not guess.

# %%
damaged = bytes([letter[0], letter[1] ^ 1, *letter[2:]])
try:
    unpack(7, damaged)
except PayloadError as error:
    print(error)

# %% [markdown]
# ## 1. Send the photo
# The oldest way (Girod et al., 2011, describe the whole pipeline): the phone writes a JPEG file,
# and all vision happens on the server. Two numbers decide how many bytes it takes: the *scale*,
# by which the photo is shrunk, and the *quality* of the JPEG file.

# %%
from mvs_lib.queries.scaled_image import ScaledImage

print("scale", *(f"  quality {quality}" for quality in (90, 50, 20)))
for scale in (1.0, 0.5, 0.25):
    sizes = [len(ScaledImage(scale, quality).encode(photo)) for quality in (90, 50, 20)]
    print(f"{scale:5}", *(f"{size:12,}" for size in sizes))

# %% [markdown]
# Shrinking and squeezing both help, but they stop helping: the tables at the head of a JPEG file,
# a few hundred bytes, are there even for a thumbnail. And the server must work with what arrives.
# It sees the decoded photo, never the one that was taken. Here is what three of these files hold:

# %%
from mvs_lib.queries import picture

arrived, titles = [photo], ["as taken"]
for scale, quality in ((1.0, 20), (0.5, 50), (0.25, 20)):
    payload = ScaledImage(scale, quality).encode(photo)
    arrived.append(picture.read(unpack(ScaledImage.number, payload)))
    titles.append(f"scale {scale}, quality {quality}\n{len(payload):,} bytes")
alt = "The photo as taken, and as it arrives: with blocks, with fewer pixels, and with both."
show_images(arrived, titles, alt, columns=4)

# %% [markdown]
# Which pair is best? The benchmark tries several on source photos that are held back, and keeps
# the one that sends the fewest bytes for nearly the best MAP. Choosing on the queries themselves
# would flatter the result.
#
# Now the server's half. It keeps a *bag of visual words* of each source photo (Sivic and
# Zisserman, 2003): small patches are described by numbers, the numbers are sorted into 300 groups
# called words, and a photo becomes the list of how often each word occurs. Two photos with the
# same rare words probably show the same thing.

# %%
from mvs_lib.queries.server import BagOfWordsServer


def answer(system, payload):
    """Hand the bytes, and nothing but the bytes, to the server; print what it says."""
    best = int(system.search(payload).argmax())
    verdict = "right" if source.labels[best] == query.labels[asked] else "wrong"
    place = names[source.labels[best]]
    print(f"{system.method}: {len(payload):,} bytes sent, the answer is {place}: {verdict}")


whole = ScaledImage(0.5, 50, BagOfWordsServer(words=300)).fit(source)
answer(whole, whole.encode(photo))

# %% [markdown]
# ## 2. Send local features
# The server throws most of the photo away and keeps its patches. So why not find the patches on
# the phone, and send those? A *local feature* is a patch that is found again when the camera
# moves. SIFT (Lowe, 2004) looks for blobs at all sizes, takes from each its place, its size and
# its main direction, and describes the patch *relative to these* by 128 numbers, histograms of
# the directions in which the brightness changes. Turn the photo, and place, size and direction
# turn along; the 128 numbers stay nearly the same.

# %%
features = detect(photo, limit=200)
turn = cv2.getRotationMatrix2D((side / 2, side / 2), 25, 0.9)  # by 25 degrees, and smaller
turned = cv2.warpAffine(photo, turn, (side, side), borderMode=cv2.BORDER_REFLECT)
again = detect(turned, limit=200)
numbers = features.descriptors.shape[1]
print(f"{len(features)} features: a place, a size, an angle and {numbers} numbers each")
figure, axes = subplots(1, 2, figsize=(6.4, 3.3))
for axis, image, found in zip(axes, (photo, turned), (features, again), strict=True):
    axis.imshow(image)
    x, y = (found.positions * side).round().T
    sizes = (found.scales * side).round() ** 2
    axis.scatter(x, y, s=sizes, facecolors="none", edgecolors=PALETTE[4], linewidths=0.8)
    axis.set_axis_off()
show(figure, "Circles, large and small, on edges and corners of a photo and of the turned photo.")

# %% [markdown]
# Each circle is a feature. To compare the two photos, take for each feature on the left its
# nearest on the right, and keep the pair if it is *clearly* the nearest: nearer than 0.8 times
# the second nearest. That is Lowe's *ratio test*. Since we turned the photo ourselves, we know
# where each feature should be, and can count the pairs that are right.


# %%
def match(some, others, ratio=0.8):
    """Return matched rows of two photos' features, by the ratio test."""
    apart = cdist(root(some.descriptors), root(others.descriptors))
    nearest, second = np.sort(apart, axis=1)[:, :2].T
    kept = np.flatnonzero(nearest < ratio * second)
    return kept, apart[kept].argmin(axis=1)


here, there = match(features, again)
expected = cv2.transform(features.positions[None, here] * side, turn)[0]
right = np.linalg.norm(expected - again.positions[there] * side, axis=1) < 4
print(f"pairs: about {10 * round(len(here) / 10)}")
print(f"of these, {10 * right.mean():.0f} in 10 lie where the turn has put them (within 4 pixels)")

# %%
figure, axis = subplots(figsize=(6.4, 3.3))
axis.imshow(np.concatenate([photo, turned], axis=1))
left = (features.positions[here[right]] * side).round()[:25]
landed = (again.positions[there[right]] * side).round()[:25] + np.array([side, 0])
for pair in np.stack([left, landed], axis=1):
    axis.plot(*pair.T, color=PALETTE[4], linewidth=0.8)
axis.set_axis_off()
show(figure, "Lines from features of a photo to the same features of the turned photo beside it.")

# %% [markdown]
# Pixel by pixel the two photos hardly agree anywhere, yet the features find each other. They
# survive a turn of the camera, and that is why the field held on to them for so long. What
# do they weigh? A byte for each of the 128 numbers, and four bytes for a place.

# %%
places = (features.positions * 65535).round().astype(np.uint16)
payload = pack(0, features.descriptors.tobytes() + places.tobytes())
largest = len(ScaledImage(1.0, 90).encode(photo))
heavier = "heavier" if len(payload) > largest else "lighter"
print(f"{len(payload):,} bytes: {heavier} than the whole photo at quality 90, {largest:,} bytes")

# %% [markdown]
# There is the trouble with raw features: 200 descriptors are a small picture of their own. (Our
# photo is small, so the comparison is hard on them; from a phone's large photo they would be the
# smaller part. But then its JPEG file could be shrunk as well.) So nobody on our chart sends them
# raw, and the second kind of query lives on in the third.

# %% [markdown]
# ## 3. Send compressed features
# CHoG, the *compressed histogram of gradients* (Chandrasekhar et al., 2012), asks what a
# descriptor must say at least. It lays nine overlapping cells over a patch, and in each of them
# counts how the brightness changes: not at all, or to the right, down, left or up. Five shares
# $p_1, \dots, p_5$ that sum to 1: a *distribution*. The idea is to send not the shares but the
# nearest distribution that has a simple form. A **type** has shares that are whole multiples of
# $1/n$:
#
# $$\frac{k_1}{n}, \dots, \frac{k_m}{n} \quad \text{with whole } k_i \ge 0 \text{ and } k_1 + \dots + k_m = n$$
#
# By hand, with $n = 7$. Multiply the shares by 7 and round; if the sum is not 7, mend it where
# the rounding went furthest.

# %%
histogram = np.array([0.36, 0.22, 0.20, 0.13, 0.09])
rounded = np.floor(7 * histogram + 0.5).astype(int)
went = rounded - 7 * histogram
print("7 p          ", *(f"{value:6.2f}" for value in 7 * histogram))
print("rounded      ", *(f"{value:6}" for value in rounded), f"   sum {rounded.sum()}")
print("went up by   ", *(f"{value:6.2f}" for value in went))
rounded[went.argmax()] -= rounded.sum() - 7
print("type         ", *(f"{value:6}" for value in rounded), f"   sum {rounded.sum()}")

# %% [markdown]
# ### Exercise 1.1 · 15 min
# Now for any histogram. Round $n p_i$ to whole numbers ($\lfloor n p_i + 1/2 \rfloor$). Let $D$
# be their sum minus $n$. If $D$ is positive, take 1 from each of the $D$ numbers that were
# rounded *up* furthest; if it is negative, give 1 to each of the $-D$ that were rounded *down*
# furthest.


# %%
def nearest_type(histogram, n):
    """Exercise 1.1: the type nearest to a histogram; real (m,), n -> integers (m,), sum n."""
    ### BEGIN SOLUTION
    k = np.floor(n * histogram + 0.5).astype(int)
    surplus = k.sum() - n
    order = np.argsort(k - n * histogram, kind="stable")  # rounded down furthest first
    if surplus > 0:
        k[order[-surplus:]] -= 1
    elif surplus < 0:
        k[order[:-surplus]] += 1
    return k
    ### END SOLUTION


# %%
check("1.1", nearest_type)

# %% [markdown]
# The cells from here on use your function if it is correct, and ours if it is not yet.
#
# How many types are there? $n$ units are shared among $m$ parts, and there are
# $\binom{n + m - 1}{m - 1}$ ways to do it. So list them all, in the order of a dictionary, and
# send only the *number* of the type in that list. Here is the whole list for three parts and $n = 2$:

# %%
from mvs_lib.queries import type_coding

nearest_type = use("1.1", nearest_type)
for number, each in enumerate(type_coding.unrank(np.arange(type_coding.count(3, 2)), 3, 2)):
    print(f"number {number}: {each}, the shares {each / 2}")
print(f"five parts, n = 7: {type_coding.count(5, 7)} types, {type_coding.bits(5, 7)} bits a cell")
print("our type is number", type_coding.rank(nearest_type(histogram, 7)))

# %% [markdown]
# Nobody needs the list itself: how many types come before a given one is a sum of such binomial
# numbers, and from the number the type follows again. Nine bits a cell and nine cells make 81
# bits, against the 1,024 bits of a SIFT descriptor. Now with a real patch of our photo:

# %%
patch = gradient_histograms.patches(photo, features)[0].round()
histograms = gradient_histograms.describe(photo, features)  # feature, cell, bin
types = np.array([[nearest_type(cell, 7) for cell in each] for each in histograms])
figure, (left, right_axis) = subplots(1, 2, figsize=(6.4, 2.8))
left.imshow(patch, cmap="gray")
left.set_axis_off()
bins, middle = np.arange(5), 0
right_axis.bar(bins - 0.2, histograms[0, middle].round(2), 0.4, label="shares")
right_axis.bar(bins + 0.2, (types[0, middle] / 7).round(2), 0.4, label="type, sevenths")
right_axis.set_xticks(bins, ["flat", "right", "down", "left", "up"])
right_axis.set_title("the middle cell")
right_axis.legend(loc="upper right")
show(figure, "A patch turned upright, and its middle cell: five shares beside those of the type.")

# %% [markdown]
# The type is a rough copy of the histogram. Rough is enough, because neighbouring photos of a
# place differ by more than that anyway.
#
# ### Where the features lie
# Server and phone must also agree on places, or no geometry can be checked. A grid of 64 × 64
# cells needs 12 bits a feature. But a bag of features has no order, so we may send them in the
# order of their cells, and then only the *gaps* from one cell to the next (location coding: Tsai
# et al., 2009; the code for the gaps is our realisation). Small numbers take few bits.

# %%
from mvs_lib.queries import locations
from mvs_lib.queries.bitstream import BitWriter

writer = BitWriter()
_ = locations.encode(writer, features.positions, 64)
one_by_one = 12 * len(features) / 8
print(f"{len(features)} places: {one_by_one:.0f} bytes one by one, {len(writer) / 8:.0f} as gaps")

# %% [markdown]
# Both together are a query. The server reads it, and compares without ever decoding: how much two
# types differ stands in a table of 330 × 330.

# %%
from mvs_lib.queries.chog import Chog

chog = Chog(words=300).fit(source)
payload = chog.encode(photo)
positions, codes = chog.read(payload)
descriptors = len(codes) * chog.descriptor_bits / 8
print(f"{len(codes)} descriptors of {chog.descriptor_bits} bits: {descriptors:,.0f} bytes")
print(f"envelope, count and places: {len(payload) - descriptors:,.0f} bytes")
answer(chog, payload)

# %% [markdown]
# ## 4. Send hash bits
# A compressed feature is still a description: somebody could draw a rough patch from it. Hash
# bits give that up. All they promise is that **similar things get similar bits**. He et al.
# (2012) turn each local feature into 80 bits, each the side of a hyperplane (notebook 02 builds such
# bits), and send the bag of them. Does a feature keep its bits when the camera turns? Even planes that
# are drawn by lot show it:

# %%
from mvs_lib.hashing import LSH

planes = LSH(bits=80).fit(root(features.descriptors))
before, after = (planes.encode(root(each.descriptors)) for each in (features, again))
one, other = before[here[right]], after[there[right]]
pairs = {"one feature": (one, other), "two features": (one, np.roll(other, 1, axis=0))}
figure, axis = subplots(figsize=(6.4, 2.8))
edges = np.arange(0, 81, 5)
for shift, (label, (some, others)) in enumerate(pairs.items()):
    differ = np.bitwise_count(some ^ others).sum(axis=1)
    axis.bar(edges[:-1] + 2 * shift + 1.5, np.histogram(differ, edges)[0], 2, label=label)
axis.set(xlabel="bits that differ, of 80", ylabel="pairs")
axis.legend(loc="upper right")
show(figure, "Bits that differ: few for one feature seen twice, about half for two features.")

# %% [markdown]
# One feature, seen twice, keeps most of its bits. Two that have nothing to do with each other
# differ in about half of them, as coins would. Between the two hills the server draws its line:
# what differs in fewer bits is a match, and matches vote. The planes of the bag itself are learned
# from the features of the source photos; what learning adds, notebook 02 measures.

# %%
from mvs_lib.queries.bag_of_hash_bits import BagOfHashBits

bag = BagOfHashBits().fit(source)
payload = bag.encode(photo)
positions, codes, _ = bag.decode(payload)
print(f"{len(codes)} features of {bag.bits} bits and their places: {len(payload):,} bytes")
answer(bag, payload)

# %% [markdown]
# ### One code for the whole photo
# Why describe patches at all? A hash function can also look at the whole photo and give it one
# code. SSDH (Yang et al., 2015) is a network that has learned to, from the source photos and the
# names of their places (notebook 03). It makes 48 bits:

# %%
from mvs_lib.queries.global_bits import SSDHBits

deep = SSDHBits().fit(source)
payload = deep.encode(photo)
body = unpack(SSDHBits.number, payload)
print(f"{OVERHEAD} bytes of envelope and {len(body)} of code, {8 * len(body)} bits")
answer(deep, payload)

# %% [markdown]
# That is the whole query, shorter than this sentence, and a third of it is envelope. All four
# ways again, with the same photo:

# %%
for system in (whole, chog, bag, deep):
    payload = system.encode(photo)
    smaller = photo.nbytes // len(payload)
    print(f"{system.kind:20}{len(payload):6,} bytes, {smaller:6,} times smaller than the pixels")

# %% [markdown]
# Do not compare the first three too closely. Our photo is small, so its JPEG file is small as well,
# while a feature weighs the same in every photo. What counts is what the bytes buy, and one photo
# cannot say; the chart can.

# %% [markdown]
# ## The road
# Bytes are counted, but people wait for seconds. Our model of a link is short. In words: *the
# wait is one round trip plus the time to put all bits on the road*. The bits are those of body
# and headers, because the network cuts a payload into packets of 1,460 bytes and puts 40 bytes
# around each:
#
# $$\text{seconds} = \text{round trip} + \frac{8 \, (\text{size} + 40 \cdot \text{packets})}{\text{bandwidth}}$$

# %%
from mvs_lib.queries.link import LINKS

for link in LINKS:
    up, trip, lost = link.bandwidth / 1000, 1000 * link.round_trip, 100 * link.loss
    print(f"{link.name:10} {up:8,.0f} kbit/s up, round trip {trip:4.0f} ms, {lost:.1f} % lost")

# %% [markdown]
# The figures are typical ones of each generation, rounded, and our choice: two streets of one
# city differ by more than a factor of two.
#
# ### Exercise 1.2 · 10 min
# Write the formula. The number of packets is the size over 1,460, rounded up, and even an empty
# query needs one packet. Mind the units: sizes are in bytes, the bandwidth is in bits a second.


# %%
def seconds(size, bandwidth, round_trip, packet=1460, header=40):
    """Exercise 1.2: the wait in seconds on a link without loss; bytes, bits/s, s -> s."""
    ### BEGIN SOLUTION
    packets = max(1, -(-size // packet))
    return round_trip + 8 * (size + header * packets) / bandwidth
    ### END SOLUTION


# %%
check("1.2", seconds)

# %% [markdown]
# The library's `Link.seconds` does the same and adds what is lost: a lost packet is sent again,
# and somebody has to wait for it. Where does the time of our four queries go?

# %%
seconds = use("1.2", seconds)
sizes = {system.method: len(system.encode(photo)) for system in (whole, chog, bag, deep)}
figure, axes = subplots(1, 2, figsize=(6.4, 2.6), sharey=True)
for axis, link in zip(axes, (LINKS[0], LINKS[3]), strict=True):
    waits = np.array([seconds(size, link.bandwidth, link.round_trip) for size in sizes.values()])
    sending = waits - link.round_trip
    axis.barh(list(sizes), np.full(4, link.round_trip), label="round trip")
    axis.barh(list(sizes), sending.round(4), left=link.round_trip, label="sending")
    axis.set(title=link.name, xlabel="seconds")
axes[0].legend(loc="lower right")
axes[0].invert_yaxis()
show(figure, "Waiting time of four queries on 2G and on 4G: the round trip, and then the sending.")

# %%
for link in (LINKS[0], LINKS[3]):
    for method in ("scaled_image", "ssdh"):
        whole_wait = seconds(sizes[method], link.bandwidth, link.round_trip)
        percent = 100 * link.round_trip / whole_wait
        print(f"{link.name}, {method}: {percent:.0f} % of the wait is the round trip")

# %% [markdown]
# On a slow link the bytes decide. On a fast one the round trip does, and it is the same for
# everyone: there a query of six bytes gains little over one of a thousand. Then fewer bytes buy
# other things: less of a phone's battery and of its owner's data, and a server that can hold ten
# thousand callers.

# %% [markdown]
# ## Stop when sure
# Must all features be sent? Chandrasekhar et al. (2010) send the strongest ones first, in
# packets. After each packet the server looks for the photo whose features lie as those of the
# query do, up to a shift, a turn and a slant. Such pairs are called *inliers*, and chance hardly
# ever makes a dozen. With twelve inliers the server says stop. An easy photo then ends early;
# only a hard one pays for all.

# %%
from mvs_lib.queries.progressive_features import ProgressiveFeatures, enough_inliers, stop

stepwise = ProgressiveFeatures(words=300).fit(source)
steps = [stop(stepwise, image, None, enough_inliers()) for image in query.images]
_, sent, all_of_them, packets = (np.array(each) for each in zip(*steps, strict=True))
figure, axis = subplots(figsize=(6.4, 2.4))
axis.bar(*np.unique(packets, return_counts=True))
axis.set(xlabel="packets sent", ylabel="query photos")
show(figure, "Query photos by the packets that they took: many one to three, many all of them.")
print(f"together {sent.sum():,} bytes of {all_of_them.sum():,}")

# %%
order = packets.argsort(kind="stable")
few, many = order[:4], order[-4:]
titles = [f"{count} packet{'s' if count > 1 else ''}" for count in packets[[*few, *many]]]
alt = "Above, four photos for which one packet was enough; below, four that took all packets."
show_images(query.images[[*few, *many]], titles, alt, columns=4)

# %% [markdown]
# Easy is not always what looks easy to you. All that counts is whether a dozen features lie as they do
# in some source photo. A facade by night may have them in its first packet; a sharp statue, seen from
# a new side, never gets there and pays for everything. How much is saved depends on how sure you want
# to be. Mind the road, too: each packet that waits for the server's word costs a round trip, unless
# the phone goes on sending until it is told to stop.

# %% [markdown]
# ## What MAP against bytes says
# Back to the chart. The *recognition bitrate* of a system is its accuracy together with the bytes
# that it took. Neither of the two means anything alone: it is easy to be small, and no art to
# send much. First by kind, and then by budget. The lines below are computed from the
# rows, so they say what was measured, whichever way that came out.

# %%
for kind in KINDS:
    own = [point for point in points if point["kind"] == kind]
    if not own:
        print(f"{kind}: nobody sends them as they are")
        continue
    best = max(own, key=lambda point: point["map"])
    span = f"{min(p['bytes'] for p in own):,.0f} to {max(p['bytes'] for p in own):,.0f} bytes"
    print(f"{kind}: {len(own)} ways, {span};")
    print(f"    the best is {best['method']}, MAP {best['map']:.2f}")

# %% [markdown]
# ### Exercise 1.3 · 10 min
# Somebody gives you a budget of bytes a query. Which system do you take? Return its place in the
# lists, or `None` if nothing is so small. Of two with equal scores take the one with fewer bytes,
# for the phone's owner pays them.


# %%
def best_within(sizes, scores, budget):
    """Exercise 1.3: the best system of at most budget bytes; its place in the lists, or None."""
    ### BEGIN SOLUTION
    fitting = [i for i, size in enumerate(sizes) if size <= budget]
    return max(fitting, key=lambda i: (scores[i], -sizes[i]), default=None)
    ### END SOLUTION


# %%
check("1.3", best_within)

# %%
best_within = use("1.3", best_within)
lists = [[point[name] for point in points] for name in ("bytes", "map")]
for budget in (5, 10, 100, 1000, 10_000, 100_000):
    found = best_within(*lists, budget)
    said = "nothing is so small"
    if found is not None:
        point = points[found]
        said = f"{point['method']}, MAP {point['map']:.2f} with {point['bytes']:,.0f}"
    print(f"at most {budget:7,} bytes: {said}")

# %% [markdown]
# ### Bytes are not the only price
# The server keeps something for each source photo, the phone keeps tables or a network, and
# somebody has to compute. The last number is the time that the phone's half takes, on one thread,
# as a multiple of the time in which the same processor writes the photo as a JPEG file: seconds
# would say more about our computer than about the method. The words at the end say what a system
# knows beside the photo.

# %%
heads = f"{'MAP':>5}{'bytes':>9}{'server/photo':>14}{'phone keeps':>13}{'encoding':>10}"
print(f"{'method':22}{heads}  knows")
for point in sorted(points, key=lambda point: -point["map"]):
    costs = f"{point['index_bytes']:14,.0f}{point['client_bytes']:13,.0f}"
    costs += f"{point['encode_ratio']:9.1f}x"
    print(f"{point['method']:22}{point['map']:5.2f}{point['bytes']:9,.0f}{costs}  {knows(point)}")

# %% [markdown]
# Read it column by column. A code for the whole photo is also what the server keeps: a few bytes
# a photo, where systems of local features keep far more. That difference decides how many photos
# fit into the memory of one machine. The phone's column tells the other side: a network has to be
# stored there, and projections and vocabularies as well, while a JPEG file needs nothing that a
# phone does not have.

# %%
kept = {"index_bytes": "on the server, a source photo", "client_bytes": "on the phone"}
for name, where in kept.items():
    ranked = sorted(points, key=lambda point: point[name])
    low, high = ranked[0], ranked[-1]
    print(f"{where}: from {low[name]:,.0f} bytes ({low['method']})", end=" ")
    print(f"to {high[name]:,.0f} ({high['method']})")

# %% [markdown]
# ## What is real here, and what is not
# - **The campus is drawn.** It has one style, and its weather is a program's. In such a world a
#   network that has seen every place by name has an easy life, and so has whatever it is compared
#   with.
# - **Not all know the same.** SSDH, DLBH and some others learned from the names of the places,
#   others never saw a label; and a phone that sends its position has done half of the work before
#   anybody looks at the photo. Compare systems that know the same: the table's last column tells.
# - **Some systems are our realisation.** Where the text of a paper was not to be had, the idea is
#   the paper's and the details are ours; the docstrings say where. A poor place in our chart is
#   no verdict on a paper.
# - **Tuning was short.** Where a system has something to choose, a handful of settings was tried
#   on source photos that were held back, never on the queries. A longer search might move a mark.
# - **All places are known.** In life most photos show something that no server has seen, and the
#   right answer is "I do not know".

# %% [markdown]
# ## Spend a budget
# The panel has all the systems. Choose a budget and the kinds of query, and it names the best of
# each kind and how long you would wait on each link.
#
# **Predict** before you move anything. From the largest budget down to the smallest: at which
# size will the best MAP begin to fall, and which kind of query is the last one left? And on which
# links will you notice the difference in seconds?

# %% tags=["panel"]
explorer = BitrateExplorer(points)
explorer

# %%
budgets = [size for _, size in explorer.budget.options]
for budget in (budgets[-1], 1024, 16):
    explorer.budget.value = budget
    print(explorer.summary())
explorer.budget.value = 1024
explorer.kinds.value = ("compressed features",)
print(explorer.summary())

# %% [markdown]
# The second line and the last had the same budget, but the last could choose among compressed
# features only. The distance between the two is what the other kinds are worth at this size, on
# this campus.

# %% [markdown]
# ## Quiz
# Tab to an option, choose it with Enter; the reason appears below.

# %%
quiz("01")

# %% [markdown]
# ## Summary
# - A phone can send the photo, its features, compressed features, or hash bits; the server
#   answers from the bytes alone.
# - Local features are described relative to their own place, size and direction, so they survive
#   a turn of the camera; sent raw, they weigh thousands of bytes.
# - A distribution is sent as the number of its nearest type, a set of places as sorted gaps: both
#   leave out what the server does not need.
# - The wait is a round trip plus the bits over the bandwidth; on a fast link a small query waits
#   for little but the round trip.
# - The recognition bitrate is accuracy against bytes, and next to it stand the costs of server
#   and phone.
#
# ## On a real phone
# A photo from a phone has many megapixels, so nobody sends it whole; it is shrunk before anything
# else. Computing on the phone costs time and battery too, and it is worth it only if it saves
# more of both on the radio, which stays awake for a while after the last bit. A connection has to
# be opened and encrypted first, which takes further round trips and more bytes than a short query
# holds: our three bytes of envelope are what remains when it is kept open. And a phone that moves
# between two cells has neither the bandwidth nor the round trip of any table.
#
# ## Next
# In [notebook 02](02_traditional_hash_bits.ipynb) you build the hash bits yourself, from
# hyperplanes.

# %%
finish("01")
