import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Partitioner;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.clients.producer.RoundRobinPartitioner;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/** Kafka's own Java clients, driven by commands: the only argument, as JSON; results are JSON lines. */
public final class Client {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Partition n for key n: a partitioner of one's own. */
    public static final class ByKey implements Partitioner {
        @Override
        public int partition(String topic, Object key, byte[] k, Object value, byte[] v, Cluster cluster) {
            return Integer.parseInt((String) key) % cluster.partitionsForTopic(topic).size();
        }

        @Override
        public void configure(Map<String, ?> configs) {}

        @Override
        public void close() {}
    }

    private static synchronized void emit(Object... pairs) {
        Map<String, Object> result = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            result.put((String) pairs[i], pairs[i + 1]);
        }
        try {
            System.out.println(JSON.writeValueAsString(result));
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String name(Throwable failure) {
        return (failure instanceof ExecutionException ? failure.getCause() : failure).getClass().getSimpleName();
    }

    private static Properties properties(JsonNode command) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", command.get("bootstrap").asText());
        return properties;
    }

    private static ProducerRecord<String, String> record(String topic, JsonNode r) {
        String value = r.has("size") ? "x".repeat(r.get("size").asInt()) : r.get("value").asText();
        Integer partition = r.has("partition") ? r.get("partition").asInt() : null;
        Long timestamp = r.has("timestamp") ? r.get("timestamp").asLong() : null;
        String key = r.hasNonNull("key") ? r.get("key").asText() : null;
        ProducerRecord<String, String> made = new ProducerRecord<>(topic, partition, timestamp, key, value);
        for (JsonNode header : r.path("headers")) {
            made.headers().add(header.get(0).asText(), header.get(1).asText().getBytes(StandardCharsets.UTF_8));
        }
        return made;
    }

    private static void produce(JsonNode command) throws Exception {
        Properties properties = properties(command);
        for (String[] key : new String[][] {
            {"acks", "acks"}, {"compression", "compression.type"}, {"idempotent", "enable.idempotence"}
        }) {
            if (command.has(key[0])) {
                properties.put(key[1], command.get(key[0]).asText());
            }
        }
        switch (command.path("partitioner").asText()) {
            case "custom" -> properties.put("partitioner.class", ByKey.class.getName());
            case "roundrobin" -> properties.put("partitioner.class", RoundRobinPartitioner.class.getName());
            default -> { }
        }
        AtomicInteger failed = new AtomicInteger();
        String topic = command.get("topic").asText();
        try (var producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
            int next = 0;
            for (JsonNode r : command.get("records")) {
                int i = next++;
                var sent = producer.send(record(topic, r), (RecordMetadata place, Exception failure) -> {
                    if (failure != null) {
                        failed.incrementAndGet();
                        emit("i", i, "error", name(failure));
                    } else {
                        emit("i", i, "partition", place.partition(), "offset", place.offset());
                    }
                });
                if (command.path("sync").asBoolean()) {
                    sent.get();
                }
                Thread.sleep(command.path("pause_ms").asLong());
            }
        }
        emit("unsent", failed.get());
    }

    private static void consume(JsonNode command) {
        List<TopicPartition> partitions = new ArrayList<>();
        command.get("partitions").forEach(p -> partitions.add(new TopicPartition(command.get("topic").asText(), p.asInt())));
        try (var consumer = new KafkaConsumer<>(properties(command), new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            int left = command.get("count").asInt();
            while (left > 0) {
                for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(500))) {
                    List<List<String>> headers = new ArrayList<>();
                    for (Header h : r.headers()) {
                        headers.add(List.of(h.key(), new String(h.value(), StandardCharsets.UTF_8)));
                    }
                    emit("partition", r.partition(), "offset", r.offset(), "key", r.key(), "value", r.value(),
                        "headers", headers, "timestamp", r.timestamp());
                    left--;
                }
            }
        }
    }

    private static String outcome(Callable<?> action) {
        try {
            action.call();
            return null;
        } catch (Exception failure) {
            return name(failure);
        }
    }

    private static void admin(JsonNode command) throws Exception {
        String topic = command.get("topic").asText();
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try (Admin admin = Admin.create(properties(command))) {
            NewTopic made = new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "3600000"));
            Callable<?> create = () -> admin.createTopics(List.of(made)).all().get();
            Callable<?> config = () ->
                admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value();
            emit("step", "create", "error", outcome(create));
            emit("step", "create again", "error", outcome(create));
            emit("step", "config", "value", config.call());
            var set = List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "7200000"), AlterConfigOp.OpType.SET));
            emit("step", "alter", "error",
                outcome(() -> admin.incrementalAlterConfigs(Map.of(resource, set)).all().get()));
            emit("step", "config", "value", config.call());
            emit("step", "grow", "error",
                outcome(() -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get()));
            emit("step", "partitions", "value",
                admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
            emit("step", "delete", "error", outcome(() -> admin.deleteTopics(List.of(topic)).all().get()));
            emit("step", "gone", "value", !admin.listTopics().names().get().contains(topic));
        }
    }

    public static void main(String[] arguments) throws Exception {
        JsonNode command = JSON.readTree(arguments[0]);
        switch (command.get("do").asText()) {
            case "version" -> emit("version", AppInfoParser.getVersion());
            case "produce" -> produce(command);
            case "consume" -> consume(command);
            case "admin" -> admin(command);
            default -> throw new IllegalArgumentException(command.toString());
        }
    }
}
