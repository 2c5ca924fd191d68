"""Reference implementations of the kernels: slow and obvious plain Python, one statement per idea.

Each has the name of its kernel without the underscore. Occupied sites are a Python set here.
"""

from __future__ import annotations

import math

import numpy as np

WORD = 2**32
ANY_POST = WORD - 1


# Philox -------------------------------------------------------------------------------------------------------------


def round(c, k):
    p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
    return [(p1 // WORD) ^ c[1] ^ k[0], p1 % WORD, (p0 // WORD) ^ c[3] ^ k[1], p0 % WORD]


def philox(c0, c1, c2, c3, k0, k1):
    counter, key = [c0, c1, c2, c3], [k0, k1]
    for _ in range(10):
        counter = round(counter, key)
        key = [(key[0] + 0x9E3779B9) % WORD, (key[1] + 0xBB67AE85) % WORD]
    return tuple(counter)


def bounded(word, bound):
    """Every one of the ``bound`` results must have the same number of words: WORD // bound of them."""
    result, remainder = divmod(word * bound, WORD)
    return -1 if remainder < WORD % bound else result


def word_of_slot(slot, step, stream, k0, k1):
    chunk, place = divmod(slot, 64)
    lane, block = divmod(place, 16)
    return philox(16 * chunk + block, step, stream, 0, k0, k1)[lane]


def fill_words(chunk, step, stream, k0, k1):
    return [word_of_slot(64 * chunk + i, step, stream, k0, k1) for i in range(64)]


def polynomial(x, *coefficients):
    """Horner's scheme in float32, the coefficient of the highest power first."""
    value = np.float32(coefficients[0])
    for c in coefficients[1:]:
        value = np.float32(c) + x * value
    return value


def gauss_pair(radius_word, angle_word):
    """Box and Muller in float32; the logarithm by 2 atanh, halved octaves."""
    f = np.float32
    m, exponent = math.frexp(f(radius_word) + f(0.5))
    if f(2 * m) < f(math.sqrt(2.0)):
        m, exponent = 2 * m, exponent - 1
    z = (f(m) - f(1)) / (f(m) + f(1))
    log_m = z * polynomial(z * z, 2 / 9, 2 / 7, 2 / 5, 2 / 3, 2.0)
    radius = np.sqrt(f(32 - exponent) * f(math.log(2.0)) - log_m)
    y = (f(angle_word % 2**30 - 2**29) + f(0.5)) * f(math.pi / 2 * 2.0**-30)
    sine = y * polynomial(y * y, 1 / 362880, -1 / 5040, 1 / 120, -1 / 6, 1.0)
    cosine = polynomial(y * y, 1 / 40320, -1 / 720, 1 / 24, -1 / 2, 1.0)
    sign_0 = -1 if angle_word // 2**30 % 2 else 1
    sign_1 = -1 if angle_word // 2**31 else 1
    return sign_0 * float(radius * (cosine - sine)), sign_1 * float(radius * (cosine + sine))


def to_normals(words):
    normals = [0.0] * 64
    for b in list(range(16)) + list(range(32, 48)):
        normals[b], normals[b + 16] = gauss_pair(words[b], words[b + 16])
    return normals


def fill_chunks(chunk, number, step, stream, k0, k1):
    return [normal for n in range(number) for normal in to_normals(fill_words(chunk + n, step, stream, k0, k1))]


def fill_normals(step, stream, k0, k1, n):
    return fill_chunks(0, (n + 63) // 64, step, stream, k0, k1)[:n]


def fill_uniforms(step, stream, k0, k1, n):
    return [(word_of_slot(k, step, stream, k0, k1) + 0.5) / WORD for k in range(n)]


# Vacancy ------------------------------------------------------------------------------------------------------------


def contains(occupied, key):
    return key in occupied


def insert(occupied, key):
    if key in occupied:
        return False
    occupied.add(key)
    return True


def insert_all(occupied, keys):
    for k, key in enumerate(keys):
        if not insert(occupied, key):
            return k
    return -1


def remove(occupied, key):
    if key not in occupied:
        return False
    occupied.remove(key)
    return True


def remove_all(occupied, keys):
    for key in keys:
        remove(occupied, key)


def allowed(key, num_post, forbidden_diagonal):
    pre, post = divmod(key, num_post)
    return post - pre != forbidden_diagonal


def candidates(sites, grid):
    num_pre, num_post, forbidden_diagonal = grid
    if len(sites):
        return [int(key) for key in sites]
    return [key for key in range(num_pre * num_post) if allowed(key, num_post, forbidden_diagonal)]


def vacant_sites(sites, grid, occupied):
    return [key for key in candidates(sites, grid) if key not in occupied]


def propose(sites, num_pre, num_post, forbidden_diagonal, w0, w1):
    if len(sites):
        place = bounded(w0, len(sites))
        return int(sites[place]) if place >= 0 else -1
    pre, post = bounded(w0, num_pre), bounded(w1, num_post)
    if pre == -1 or post == -1 or not allowed(pre * num_post + post, num_post, forbidden_diagonal):
        return -1
    return pre * num_post + post


def propose_each(slots, sites, grid, step, stream, k0, k1, attempt):
    """Return keys (-1 where rejected) and random words."""
    words = [philox(int(slot), step, stream, attempt, k0, k1) for slot in slots]
    return [propose(sites, *grid, w[0], w[1]) for w in words], [w[2] for w in words]


def uniforms_each(slots, step, stream, k0, k1, attempt):
    """Return two lists of uniforms: 52 bits and a half."""
    words = [philox(int(slot), step, stream, attempt, k0, k1) for slot in slots]
    pairs = [(a * 2**32 + b, c * 2**32 + d) for a, b, c, d in words]
    return [(x // 2**12 + 0.5) / 2**52 for x, _ in pairs], [(y // 2**12 + 0.5) / 2**52 for _, y in pairs]


def take_each(occupied, keys, num_post, multapses, room_out, room_in, wanted):
    """Return which marked keys could be occupied; free degrees are dicts, empty without a limit."""
    taken = []
    for key, want in zip(keys, wanted, strict=True):
        pre, post = divmod(key, num_post)
        fits = want and room_out.get(pre, 1) > 0 and room_in.get(post, 1) > 0 and (multapses or key not in occupied)
        if fits:
            if not multapses:
                occupied.add(key)
            for room, neuron in ((room_out, pre), (room_in, post)):
                if neuron in room:
                    room[neuron] -= 1
        taken.append(bool(fits))
    return taken


def contains_each(occupied, keys):
    return [key in occupied for key in keys]


def draw_by_rejection(slots, sites, grid, multapses, step, stream, k0, k1, occupied):
    keys = []
    for slot in slots:
        key, attempt = -1, 0
        while key == -1 or (key in occupied and not multapses):
            w0, w1, _, _ = philox(slot, step, stream, attempt, k0, k1)
            key = propose(sites, *grid, w0, w1)
            attempt += 1
        if not multapses:
            occupied.add(key)
        keys.append(key)
    return keys


def draw_by_enumeration(slots, vacant, step, stream, k0, k1, occupied):
    vacant, keys = list(vacant), []
    for slot in slots[: len(vacant)]:
        place, attempt = -1, 0
        while place == -1:
            place = bounded(philox(slot, step, stream, attempt, k0, k1)[0], len(vacant))
            attempt += 1
        keys.append(vacant[place])
        vacant[place] = vacant[-1]
        vacant.pop()
        occupied.add(keys[-1])
    return keys


# Dynamics -----------------------------------------------------------------------------------------------------------


def first_not_finite(values):
    for k, value in enumerate(values):
        if not math.isfinite(value):
            return k
    return -1


def stored(value, dtype):
    """What remains of a float64 in memory of the given type."""
    return float(dtype.type(value))


def momentum(gradient, decay, velocity):
    return [stored(decay * float(v) + float(g), velocity.dtype) for g, v in zip(gradient, velocity, strict=True)]


def adam(gradient, age, beta_1, beta_2, epsilon, first, second):
    """Return first moments, second moments and directions."""
    ms, vs, slopes = [], [], []
    for k in range(len(gradient)):
        g = float(gradient[k])
        m = beta_1 * float(first[k]) + (1.0 - beta_1) * g
        v = beta_2 * float(second[k]) + (1.0 - beta_2) * g * g
        kept_1 = kept_2 = 1.0
        for _ in range(age[k]):
            kept_1, kept_2 = kept_1 * beta_1, kept_2 * beta_2
        slope = (m / (1.0 - kept_1)) / (math.sqrt(v / (1.0 - kept_2)) + epsilon)
        ms.append(stored(m, first.dtype))
        vs.append(stored(v, second.dtype))
        slopes.append(stored(slope, gradient.dtype))
    return ms, vs, slopes


def langevin(slope, polarity, eta, alpha, sigma, step, stream, k0, k1, theta):
    """Return the moved theta, and the slots where it is below 0."""
    moved = []
    nu = fill_normals(step, stream, k0, k1, len(theta))
    for k in range(len(theta)):
        x = float(theta[k]) - eta * (int(polarity[k]) * float(slope[k]) + alpha)
        if sigma > 0:
            x = x + sigma * nu[k]
        moved.append(stored(x, theta.dtype))
    return moved, [k for k, x in enumerate(moved) if x < 0]


def draw_sign(mode, table, threshold, pre, post, num_post, slot, step, stream, k0, k1):
    if mode == "given per presynaptic neuron":
        return int(table[pre])
    if mode == "given per site":
        return int(table[pre * num_post + post])
    address = {"site": (pre, post), "presynaptic": (pre, ANY_POST), "redrawn": (slot, step)}[mode]
    return 1 if philox(*address, stream, 0, k0, k1)[0] < threshold else -1


def draw_signs(pre, post, mode, table, threshold, num_post, stream, k0, k1):
    return [draw_sign(mode, table, threshold, pre[n], post[n], num_post, n, 0, stream, k0, k1) for n in range(len(pre))]


def write_event(step, pre, post, slot, index, kind, sign):
    return (step, pre, post, slot, index, kind, sign)


def values_of(slots, values, number):
    """Return the value of each slot, -1 for slots from ``number`` on."""
    return [int(values[k]) if k < number else -1 for k in slots]


def move_ends(old, new, slots, start, ends, degrees):
    """Change ``ends`` and ``degrees``."""
    for neuron in old:
        degrees[neuron + start] -= 1
    for k, neuron in zip(slots, new, strict=True):
        degrees[neuron + start] += 1
        ends[k] = neuron + start


def retract(slots, pre, post, signs, num_post, step, index, occupied):
    """Return the deaths as tuples in the order of the fields of EVENT."""
    events = []
    for k in slots:
        occupied.remove(int(pre[k]) * num_post + int(post[k]))
        events.append(write_event(step, int(pre[k]), int(post[k]), int(k), index, -1, int(signs[k])))
    return events


def regrow(slots, keys, mode, table, threshold, num_post, step, index, stream, k0, k1, state):
    """Change ``state`` (lists pre, post, theta, polarity, birth_step) and return the births as tuples."""
    events = []
    for k, key in zip(slots, keys, strict=True):
        pre, post = divmod(key, num_post)
        sign = draw_sign(mode, table, threshold, pre, post, num_post, k, step, stream, k0, k1)
        for values, value in zip(state, (pre, post, 0.0, sign, step), strict=True):
            values[k] = value
        events.append(write_event(step, pre, post, k, index, 1, sign))
    return events


def pair_elements(c, axonal, dendritic, now):
    """Return what ``elements.pair_elements`` must do with connections that may be anywhere: who breaks, new pairs.

    Connection by connection and element by element, from the public attributes of ``c`` alone.
    """
    number = len(c)
    key, words = (c.seed % WORD, c.seed // WORD), [stream + 256 * c.index for stream in range(12, 16)]
    broken = set()
    for ends, elements, stream in ((c.pre, axonal, words[0]), (c.post, dendritic, words[1])):
        lots = fill_uniforms(now, stream, *key, number)
        for neuron in range(len(elements)):
            own = sorted((lots[k], k) for k in range(number) if ends[k] == neuron and k not in broken)
            whole = max(0, math.floor(elements[neuron]))
            broken |= {k for _, k in own[: max(0, len(own) - whole)]}
    sides = []
    for ends, elements, stream in ((c.pre, axonal, words[2]), (c.post, dendritic, words[3])):
        free = []
        for neuron in range(len(elements)):
            used = sum(1 for k in range(number) if ends[k] == neuron and k not in broken)
            free += [neuron] * max(0, math.floor(elements[neuron]) - used)
        lots = fill_uniforms(now, stream, *key, len(free))
        sides.append([free[n] for n in sorted(range(len(free)), key=lambda n: lots[n])])
    return sorted(broken), list(zip(*sides, strict=False))


def step(connections, gradient, rule):
    """Return what ``sampler.step`` with SGD must do: (pre, post, theta, polarity, birth_step), events.

    Works on copies, from the public attributes of ``connections`` alone, with signs per site.
    """
    c = connections
    now = c.steps_done + 1
    key = c.seed % WORD, c.seed // WORD
    noise, birth, sign, _ = (stream + 256 * c.index for stream in range(4))
    theta, slots = langevin(
        gradient, c.polarity, rule.learning_rate, rule.l1, rule.noise_scale, now, noise, *key, c.theta
    )
    state = [c.pre.tolist(), c.post.tolist(), theta, c.polarity.tolist(), c.birth_step.tolist()]
    occupied = {pre * c.num_post + post for pre, post in zip(state[0], state[1], strict=True)}
    deaths = retract(slots, state[0], state[1], state[3], c.num_post, now, c.index, occupied)
    grid = (c.num_pre, c.num_post, 2**31 if c.autapses else 0)
    vacant = vacant_sites([], grid, occupied)
    if len(vacant) - len(slots) >= c.num_sites / 16:
        keys = draw_by_rejection(slots, [], grid, False, now, birth, *key, occupied)
    else:
        keys = draw_by_enumeration(slots, vacant, now, birth, *key, occupied)
    births = regrow(slots, keys, "site", None, 2**31, c.num_post, now, c.index, sign, *key, state)
    return state, deaths + births


def as_events(tuples, dtype):
    return np.array(tuples, dtype=dtype)


# Potential connections ----------------------------------------------------------------------------------------------


def crossings(before, after):
    return [k for k in range(len(before)) if (before[k] >= 0) != (after[k] >= 0)]


def soft(slope, polarity, eta, alpha, sigma, floor, step, stream, k0, k1, theta):
    """Return the moved theta, and the slots where it crossed 0."""
    moved = []
    nu = fill_normals(step, stream, k0, k1, len(theta))
    for k in range(len(theta)):
        x = float(theta[k])
        if x >= 0:
            x = x - eta * (int(polarity[k]) * float(slope[k]) + alpha)
        x = x + sigma * nu[k]
        if x < floor:
            x = floor
        moved.append(stored(x, theta.dtype))
    return moved, crossings(theta, moved)


def diffuse(gradient, mean, keep, gain, scale, limit, low, high, step, stream, k0, k1, theta):
    """Return the moved theta, and the slots where it crossed 0."""
    moved = []
    nu = fill_normals(step, stream, k0, k1, len(theta))
    for k in range(len(theta)):
        g = float(gradient[k])
        if abs(g) > limit:
            g = math.copysign(limit, g)
        x = mean + keep * (float(theta[k]) - mean) + gain * g + scale * nu[k]
        if x < low:
            x = low
        if x > high:
            x = high
        moved.append(stored(x, theta.dtype))
    return moved, crossings(theta, moved)


def cross(potential, theta, slots, now):
    """Return what the crossings leave: theta, birth steps, and the events, deaths first."""
    c = potential
    birth_step = c.birth_step.tolist()
    deaths, births = [], []
    for k in slots:
        place = int(c.pre[k]), int(c.post[k]), k, c.index
        if theta[k] >= 0:
            birth_step[k] = now
            births.append(write_event(now, *place, 1, int(c.polarity[k])))
        else:
            deaths.append(write_event(now, *place, -1, int(c.polarity[k])))
    return theta, birth_step, deaths + births


# Split --------------------------------------------------------------------------------------------------------------


def split_births(births, step, stream, k0, k1, room, weight, shrink):
    """Return how many births each set gets."""
    room, weight, counts = list(room), list(weight), [0] * len(room)
    for n in range(births):
        open_sets = [s for s in range(len(room)) if room[s] > 0 and weight[s] > 0]
        total = 0.0
        for s in open_sets:
            total += weight[s]
        if not open_sets:
            break
        word, more, _, _ = philox(n, step, stream, 0, k0, k1)
        lot = (word * 2**21 + more // 2**11 + 0.5) / 2**53 * total
        for chosen in open_sets:
            lot -= weight[chosen]
            if lot < 0:
                break
        room[chosen] -= 1
        weight[chosen] -= shrink[chosen]
        counts[chosen] += 1
    return counts
