// A court client in another language, written from the contract alone: pulls over mutual TLS,
// checks the chain and every blob, keeps them on disk, acknowledges, and continues where it ended.
//
//   node pull.mjs PROTO_DIR HOST:PORT CONSUMER TLS_DIR STORE_DIR [STOP_AFTER]
//
// Rule 1: what is acknowledged is on disk. Rule 2: the first difference ends it with status 1.
// STOP_AFTER: drop everything after so many entries, in the middle of the stream.

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import protobuf from "protobufjs";

const FILE = "suian/pages/v1/pages.proto";
const ACKNOWLEDGE_EVERY = 4;
const [protoDir, target, consumer, tlsDir, storeDir, stopAfter] = process.argv.slice(2);

const definition = loader.loadSync(FILE, {
  includeDirs: [protoDir],
  keepCase: true,
  defaults: true,
  longs: String,
  enums: String,
  oneofs: true,
});
const { PageService } = grpc.loadPackageDefinition(definition).suian.pages.v1;
const records = new protobuf.Root();
records.resolvePath = (_, name) => {
  const ours = path.join(protoDir, name);
  return fs.existsSync(ours) ? ours : name;
};
const JournalEntry = records.loadSync(FILE, { keepCase: true }).lookupType("JournalEntry");

const file = (name) => fs.readFileSync(path.join(tlsDir, name));
const pages = new PageService(
  target,
  grpc.credentials.createSsl(file("ca.pem"), file("client.key"), file("client.pem")),
  { "grpc.keepalive_time_ms": 3000, "grpc.keepalive_timeout_ms": 2000 },
);
const instance = String(BigInt(Date.now()) * 1000000n);

function check(holds, what) {
  if (!holds) {
    throw new Error(what);
  }
}

/** What is held: the cursor, and one line an entry; a blob is a file. */
class Store {
  constructor(directory) {
    this.directory = directory;
    this.cursorFile = path.join(directory, "cursor.json");
    fs.mkdirSync(directory, { recursive: true });
    this.cursor = fs.existsSync(this.cursorFile)
      ? JSON.parse(fs.readFileSync(this.cursorFile))
      : { epoch: "", sequence: 0, entry_hash: "" };
  }

  keep(entry) {
    for (const blob of entry.blobs) {
      fs.writeFileSync(path.join(this.directory, `${blob.page_id}-${blob.role}`), blob.data);
    }
    const { sequence, entry_hash, kind } = entry;
    const line = JSON.stringify({ sequence, entry_hash, kind });
    fs.appendFileSync(path.join(this.directory, "entries.jsonl"), `${line}\n`);
    this.cursor = { epoch: entry.epoch, sequence, entry_hash };
    fs.writeFileSync(`${this.cursorFile}.new`, JSON.stringify(this.cursor));
    fs.renameSync(`${this.cursorFile}.new`, this.cursorFile);
  }
}

/** Checks that each entry continues the chain, and that its blobs are what it names. */
class Chain {
  constructor(opened, cursor) {
    check(["sha256", "sm3"].includes(opened.chain_algorithm), "an unknown chain");
    check(!cursor.epoch || cursor.epoch === opened.epoch, "another journal");
    this.algorithm = opened.chain_algorithm;
    this.epoch = opened.epoch;
    this.sequence = cursor.sequence;
    this.last = cursor.epoch
      ? Buffer.from(cursor.entry_hash, "hex")
      : this.hash(Buffer.from(opened.epoch));
  }

  hash(...parts) {
    const hash = createHash(this.algorithm);
    parts.forEach((part) => hash.update(part));
    return hash.digest();
  }

  take(entry) {
    const open = entry.content === "record";
    const recordHash = open ? this.hash(entry.record) : entry.record_hash;
    const expected = this.hash(this.last, recordHash);
    check(Number(entry.sequence) === this.sequence + 1, `a gap after ${this.sequence}`);
    check(entry.prev_entry_hash.equals(this.last), "another predecessor");
    check(entry.entry_hash.equals(expected), `not our chain at ${entry.sequence}`);
    this.sequence += 1;
    this.last = expected;
    const record = open ? JournalEntry.decode(entry.record) : {};
    return {
      epoch: this.epoch,
      sequence: this.sequence,
      entry_hash: expected.toString("hex"),
      kind: Object.keys(record)[0] ?? "redacted",
      refs: record.page?.blobs ?? [],
      blobs: [],
    };
  }
}

function takeChunk(entry, chunk) {
  let blob = entry.blobs.at(-1);
  if (blob === undefined || blob.whole) {
    blob = { page_id: chunk.page_id, role: chunk.role, data: Buffer.alloc(0), whole: false };
    entry.blobs.push(blob);
  }
  check(Number(chunk.offset_bytes) === blob.data.length, "a piece out of order");
  blob.data = Buffer.concat([blob.data, chunk.data]);
  blob.whole = chunk.last;
  if (blob.whole) {
    const sum = createHash("sha256").update(blob.data).digest();
    check(entry.refs.some((ref) => sum.equals(ref.sha256)), "bytes that no record names");
  }
}

const acknowledge = ({ epoch, sequence, entry_hash }) =>
  new Promise((resolve, reject) => {
    const hash = Buffer.from(entry_hash, "hex");
    pages.Acknowledge({ consumer, instance, epoch, sequence, entry_hash: hash }, (error) =>
      error ? reject(error) : resolve(),
    );
  });

async function pull(store) {
  const { epoch, sequence } = store.cursor;
  const call = pages.Pull({ consumer, instance, epoch, after_sequence: sequence });
  let chain;
  let entry;
  let kept = 0;
  for await (const message of call) {
    if (message.event === "blob_chunk") {
      takeChunk(entry, message.blob_chunk);
      continue;
    }
    if (entry !== undefined) { // another word than a piece: the entry before is whole
      store.keep(entry);
      entry = undefined;
      kept += 1;
      if (kept === Number(stopAfter)) {
        process.exit(0);
      }
      if (kept % ACKNOWLEDGE_EVERY === 0) {
        await acknowledge(store.cursor);
      }
    }
    if (message.event === "opened") {
      chain = new Chain(message.opened, store.cursor);
    } else if (message.event === "entry") {
      entry = chain.take(message.entry);
    } else if (Number(message.heartbeat.last_sequence) === store.cursor.sequence) {
      await acknowledge(store.cursor);
      call.destroy();
      return kept;
    }
  }
  throw new Error("the stream ended too early");
}

try {
  console.log(await pull(new Store(storeDir)));
} catch (error) {
  console.error(`${error.code ?? ""} ${error.details ?? error.message}`);
  process.exitCode = 1;
} finally {
  pages.close();
}
