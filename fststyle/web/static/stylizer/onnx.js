// Read, interpolate and replace the weights of style files, like fststyle/runtime/weights.py and blend.py.

import { concatenated, field, fields } from "./protobuf.js";

// Field numbers of onnx.proto.
const MODEL = { graph: 7, metadata: 14 };
const GRAPH = { initializer: 5 };
const TENSOR = { dims: 1, type: 2, name: 8, raw: 9 };
const ENTRY = { key: 1, value: 2 };
const FLOAT = 1, INT8 = 3, FLOAT16 = 10;

const PREFIX = "net.";
/** Suffix of the scales of a kernel that is stored as int8. */
const STEP = ".step";

const text = new TextDecoder();

/** Return the metadata of a model as an object. */
export function metadata(model) {
  const found = {};
  for (const { number, value } of fields(model)) {
    if (number !== MODEL.metadata) continue;
    const entry = {};
    for (const part of fields(value)) entry[part.number] = text.decode(part.value);
    found[entry[ENTRY.key]] = entry[ENTRY.value] ?? "";
  }
  return found;
}

function graphOf(model) {
  for (const one of fields(model)) if (one.number === MODEL.graph) return one;
  throw new RangeError("not an ONNX file");
}

/** Parse a TensorProto to { name, dims, type, raw }. */
function tensor(bytes) {
  const found = { name: "", dims: [], type: 0, raw: null };
  for (const { number, kind, value } of fields(bytes)) {
    if (number === TENSOR.name) found.name = text.decode(value);
    else if (number === TENSOR.type) found.type = value;
    else if (number === TENSOR.raw) found.raw = value;
    else if (number === TENSOR.dims && kind === 0) found.dims.push(value);
    else if (number === TENSOR.dims) {
      for (let at = 0, part = 0, scale = 1; at < value.length; at++) {
        part += (value[at] & 127) * scale;
        scale *= 128;
        if (value[at] < 128) {
          found.dims.push(part);
          part = 0;
          scale = 1;
        }
      }
    }
  }
  return found;
}

function initializers(model) {
  const found = new Map();
  for (const { number, value } of fields(graphOf(model).value)) {
    if (number !== GRAPH.initializer) continue;
    const one = tensor(value);
    if (one.name.startsWith(PREFIX)) found.set(one.name, one);
  }
  return found;
}

/** Convert IEEE 754 half-precision bit patterns to float32. */
export function fromHalf(bits) {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const sign = bits[i] & 0x8000 ? -1 : 1;
    const exponent = (bits[i] >> 10) & 31, fraction = bits[i] & 1023;
    if (exponent === 0) out[i] = sign * fraction * 2 ** -24;
    else if (exponent === 31) out[i] = fraction ? NaN : sign * Infinity;
    else out[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return out;
}

function numbers({ name, type, raw }) {
  if (raw === null) throw new RangeError(`${name}: the weights are not stored as raw data`);
  // A copy, since a view must start at a multiple of its element size.
  const bytes = raw.slice().buffer;
  if (type === FLOAT) return new Float32Array(bytes);
  if (type === FLOAT16) return fromHalf(new Uint16Array(bytes));
  if (type === INT8) return Float32Array.from(new Int8Array(bytes));
  return null;
}

/**
 * Return the weights of a style file as a Map from names to { dims, values: Float32Array }. It is empty for an int8
 * file. Throws RangeError for bytes that are not an ONNX file.
 */
export function weights(model) {
  const stored = initializers(model), found = new Map();
  for (const name of stored.keys()) if (name.endsWith("_quantized")) return found;
  for (const [name, one] of stored) {
    if (name.endsWith(STEP)) continue;
    const step = stored.get(name + STEP);
    if (!step && one.type !== FLOAT && one.type !== FLOAT16) continue;
    const values = numbers(one);
    if (step) {
      // There is one step per output channel, which is the first dimension.
      const steps = numbers(step), each = values.length / steps.length;
      for (let i = 0; i < values.length; i++) values[i] *= steps[Math.floor(i / each)];
    }
    found.set(name, { dims: one.dims, values });
  }
  return found;
}

/** Return whether two files have the same float network, so that their weights can be interpolated. */
export function sameNetwork(one, other) {
  const first = weights(one), second = weights(other);
  if (!first.size || first.size !== second.size) return false;
  for (const [name, { dims }] of first) {
    if (String(second.get(name)?.dims) !== String(dims)) return false;
  }
  return true;
}

function toHalf(values) {
  const bits = new Uint16Array(values.length), view = new DataView(new ArrayBuffer(4));
  for (let i = 0; i < values.length; i++) {
    view.setFloat32(0, values[i]);
    const whole = view.getUint32(0), sign = (whole >>> 16) & 0x8000, size = Math.abs(values[i]);
    if (size >= 65520) bits[i] = sign | 0x7c00;
    else if (size < 2 ** -14) bits[i] = sign | roundedEven(size * 2 ** 24);
    else {
      // The exponent and 10 bits of the fraction, with ties rounded to even. A carry increments the exponent.
      const part = (whole & 0x7fffffff) - (112 << 23), low = part & 0x1fff;
      bits[i] = sign | ((part >>> 13) + (low > 0x1000 || (low === 0x1000 && (part >>> 13) & 1) ? 1 : 0));
    }
  }
  return bits;
}

function roundedEven(value) {
  const down = Math.floor(value), rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2) ? down + 1 : down;
}

function tensorBytes({ name, dims }, type, values) {
  const typed = type === FLOAT16 ? toHalf(values) : values;
  const raw = new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength);
  return concatenated([
    ...dims.map((size) => field(TENSOR.dims, size)),
    field(TENSOR.type, type),
    field(TENSOR.name, new TextEncoder().encode(name)),
    field(TENSOR.raw, raw),
  ]);
}

/**
 * Return the first model of `parts`, [{ model, factor }], with its weights replaced by the sum of factor * weights over
 * all parts (Wang et al. 2019, arXiv:1811.10515, equation 1). int8 kernels become float32.
 *
 * Throws RangeError if the files do not have the same float network.
 */
export function interpolated(parts) {
  const all = parts.map(({ model }) => weights(model));
  if (!parts.slice(1).every(({ model }) => sameNetwork(parts[0].model, model)) || !all[0].size) {
    throw new RangeError("the styles do not have the same float network");
  }
  const first = parts[0].model, stored = initializers(first), graph = graphOf(first);
  const pieces = [];
  let from = 0;
  for (const { number, value, start, end } of fields(graph.value)) {
    if (number !== GRAPH.initializer) continue;
    const one = tensor(value);
    const kernel = one.name.endsWith(STEP) ? all[0].get(one.name.slice(0, -STEP.length)) : undefined;
    const own = all[0].get(one.name);
    if (!own && !kernel) continue;
    let replaced;
    if (own) {
      const sum = new Float32Array(own.values.length);
      parts.forEach(({ factor }, index) => {
        const { values } = all[index].get(one.name);
        for (let i = 0; i < sum.length; i++) sum[i] += factor * values[i];
      });
      replaced = tensorBytes(one, stored.has(one.name + STEP) ? FLOAT : one.type, sum);
    } else {
      const count = one.dims.reduce((product, size) => product * size, 1);
      replaced = tensorBytes(one, FLOAT, new Float32Array(count).fill(1));
    }
    pieces.push(graph.value.subarray(from, start), field(GRAPH.initializer, replaced));
    from = end;
  }
  pieces.push(graph.value.subarray(from));
  return concatenated([
    first.subarray(0, graph.start),
    field(MODEL.graph, concatenated(pieces)),
    first.subarray(graph.end),
  ]);
}
