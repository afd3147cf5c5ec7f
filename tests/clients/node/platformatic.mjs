// @platformatic/kafka, driven by commands.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { emit, outcome, run, sendEach, text, valueOf } from "./command.mjs";

const load = createRequire(process.cwd() + "/");
const { Admin, Consumer, Producer, stringSerializers } = await import(
  pathToFileURL(load.resolve("@platformatic/kafka"))
);

const ACKS = { 0: 0, 1: 1, all: -1 };
const RESOURCE_TOPIC = 2;
const CONFIG_SET = 0;
const EARLIEST = -2n;
const options = (command) => ({ clientId: "test", bootstrapBrokers: [command.bootstrap] });

async function produce(command) {
  const settings = {};
  if ("acks" in command) settings.acks = ACKS[command.acks];
  if ("compression" in command) settings.compression = command.compression;
  if ("idempotent" in command) settings.idempotent = command.idempotent;
  if (command.partitioner === "custom") settings.partitioner = ({ key }) => Number(key); // it takes the remainder
  const producer = new Producer({ ...options(command), serializers: stringSerializers, autocreateTopics: true });
  await sendEach(command, async (record) => {
    const message = { topic: command.topic, value: valueOf(record) };
    if ("key" in record) message.key = record.key;
    if ("partition" in record) message.partition = record.partition;
    if ("timestamp" in record) message.timestamp = BigInt(record.timestamp);
    if (record.headers) message.headers = Object.fromEntries(record.headers);
    const { offsets } = await producer.send({ messages: [message], ...settings });
    const place = offsets?.[0];
    return { partition: place?.partition ?? null, offset: place ? Number(place.offset) : null };
  });
  await producer.close();
}

function emitBatch(partition, batch, next) {
  let count = 0;
  for (const record of batch.records) {
    const offset = Number(batch.firstOffset) + record.offsetDelta;
    if (offset < next) continue;
    const headers = record.headers instanceof Map ? [...record.headers] : (record.headers ?? []);
    emit({
      partition,
      offset,
      key: text(record.key),
      value: text(record.value),
      headers: headers.map(([name, value]) => [text(name), text(value)]),
      timestamp: Number(batch.firstTimestamp + BigInt(record.timestampDelta)),
    });
    count += 1;
  }
  return count;
}

async function consume(command) {
  const consumer = new Consumer({ ...options(command), groupId: "none" });
  const metadata = await consumer.metadata({ topics: [command.topic] });
  const topic = metadata.topics.get(command.topic);
  const starts = await consumer.listOffsets({ topics: [command.topic], timestamp: EARLIEST });
  const next = new Map(command.partitions.map((p) => [p, Number(starts.get(command.topic)[p])]));
  let left = command.count;
  while (left > 0) {
    const partitions = [...next].map(([partition, offset]) => ({
      partition,
      currentLeaderEpoch: topic.partitions[partition].leaderEpoch,
      fetchOffset: BigInt(offset),
      lastFetchedEpoch: -1,
      partitionMaxBytes: 1 << 20,
    }));
    const node = topic.partitions[command.partitions[0]].leader;
    const request = { node, topics: [{ topicId: topic.id, partitions }], maxWaitTime: 500, minBytes: 1 };
    const { responses } = await consumer.fetch(request);
    for (const answer of responses.flatMap((response) => response.partitions)) {
      for (const batch of answer.records ?? []) {
        left -= emitBatch(answer.partitionIndex, batch, next.get(answer.partitionIndex));
        next.set(answer.partitionIndex, Number(batch.firstOffset) + batch.lastOffsetDelta + 1);
      }
    }
  }
  await consumer.close(true);
}

async function admin(command) {
  const { topic } = command;
  const admin = new Admin(options(command));
  const config = async () => {
    const [resource] = await admin.describeConfigs({
      resources: [{ resourceType: RESOURCE_TOPIC, resourceName: topic, configurationKeys: ["retention.ms"] }],
    });
    return resource.configs[0].value;
  };
  const create = () =>
    admin.createTopics({
      topics: [topic],
      partitions: 2,
      replicas: 1,
      configs: [{ name: "retention.ms", value: "3600000" }],
    });
  emit({ step: "create", error: await outcome(create) });
  emit({ step: "create again", error: await outcome(create) });
  emit({ step: "config", value: await config() });
  const altered = [{ name: "retention.ms", configOperation: CONFIG_SET, value: "7200000" }];
  const resources = [{ resourceType: RESOURCE_TOPIC, resourceName: topic, configs: altered }];
  emit({ step: "alter", error: await outcome(() => admin.incrementalAlterConfigs({ resources })) });
  emit({ step: "config", value: await config() });
  const { brokers } = await admin.metadata({ topics: [] });
  const grown = [{ name: topic, count: 3, assignments: [{ brokerIds: [[...brokers.keys()][0]] }] }];
  emit({ step: "grow", error: await outcome(() => admin.createPartitions({ topics: grown })) });
  const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
  emit({ step: "partitions", value: metadata.topics.get(topic).partitionsCount });
  emit({ step: "delete", error: await outcome(() => admin.deleteTopics({ topics: [topic] })) });
  emit({ step: "gone", value: !(await admin.listTopics()).includes(topic) });
  await admin.close();
}

const version = () =>
  emit({ version: JSON.parse(readFileSync("node_modules/@platformatic/kafka/package.json")).version });

await run({ version, produce, consume, admin });
