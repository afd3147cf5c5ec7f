// kafkajs, driven by commands. It consumes through groups only.
import { createRequire } from "node:module";
import { emit, outcome, run, sendEach, sleep, valueOf } from "./command.mjs";

const load = createRequire(process.cwd() + "/");
const { ConfigResourceTypes, CompressionTypes, Kafka, logLevel } = load("kafkajs");

const ACKS = { 0: 0, 1: 1, all: -1 };
const client = (command) => new Kafka({ brokers: [command.bootstrap], logLevel: logLevel.NOTHING });
const byKey = () => ({ message, partitionMetadata }) => Number(message.key) % partitionMetadata.length;

async function produce(command) {
  const options = {};
  if (command.partitioner === "custom") options.createPartitioner = byKey;
  if ("idempotent" in command) options.idempotent = command.idempotent;
  const producer = client(command).producer(options);
  await producer.connect();
  const settings = {};
  if ("acks" in command) settings.acks = ACKS[command.acks];
  if (command.compression === "gzip") settings.compression = CompressionTypes.GZIP;
  await sendEach(command, async (record) => {
    const message = { value: valueOf(record), key: record.key ?? null };
    if ("partition" in record) message.partition = record.partition;
    if ("timestamp" in record) message.timestamp = String(record.timestamp);
    if (record.headers) message.headers = Object.fromEntries(record.headers);
    const [result] = await producer.send({ topic: command.topic, messages: [message], ...settings });
    return { partition: result?.partition ?? null, offset: result?.baseOffset ? Number(result.baseOffset) : null };
  });
  await producer.disconnect();
}

async function admin(command) {
  const { topic } = command;
  const admin = client(command).admin();
  await admin.connect();
  const config = async () => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ["retention.ms"] }],
    });
    return resources[0].configEntries[0].configValue;
  };
  const create = () =>
    admin.createTopics({
      topics: [
        { topic, numPartitions: 2, replicationFactor: 1, configEntries: [{ name: "retention.ms", value: "3600000" }] },
      ],
    });
  emit({ step: "create", error: await outcome(create) });
  emit({ step: "create again", error: (await create()) ? null : "false" }); // its way of saying so
  emit({ step: "config", value: await config() });
  const altered = [{ name: "retention.ms", value: "7200000" }];
  const alter = () =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: altered }],
    });
  emit({ step: "alter", error: await outcome(alter) });
  emit({ step: "config", value: await config() });
  const grow = () => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
  emit({ step: "grow", error: await outcome(grow) });
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  emit({ step: "partitions", value: topics[0].partitions.length });
  emit({ step: "delete", error: await outcome(() => admin.deleteTopics({ topics: [topic] })) });
  await sleep(100);
  emit({ step: "gone", value: !(await admin.listTopics()).includes(topic) });
  await admin.disconnect();
}

const version = () => emit({ version: load("kafkajs/package.json").version });

await run({ version, produce, admin });
