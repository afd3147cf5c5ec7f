// franz-go, driven by commands: the command is the only argument, as JSON; results are JSON lines.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

type record struct {
	Key       *string     `json:"key"`
	Value     string      `json:"value"`
	Size      int         `json:"size"`
	Headers   [][2]string `json:"headers"`
	Timestamp *int64      `json:"timestamp"`
	Partition *int32      `json:"partition"`
}

type command struct {
	Do          string   `json:"do"`
	Bootstrap   string   `json:"bootstrap"`
	Topic       string   `json:"topic"`
	Acks        string   `json:"acks"`
	Compression string   `json:"compression"`
	Idempotent  *bool    `json:"idempotent"`
	Partitioner string   `json:"partitioner"`
	Sync        bool     `json:"sync"`
	PauseMs     int      `json:"pause_ms"`
	Records     []record `json:"records"`
	Partitions  []int32  `json:"partitions"`
	Count       int      `json:"count"`
}

type result map[string]any

var output sync.Mutex

func emit(r result) {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(line))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// name of what went wrong: Kafka's own where there is one.
func name(err error) any {
	var kafka *kerr.Error
	if err == nil {
		return nil
	}
	if errors.As(err, &kafka) {
		return kafka.Message
	}
	return err.Error()
}

func client(c command, more ...kgo.Opt) *kgo.Client {
	return must(kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Bootstrap)}, more...)...))
}

func options(c command) []kgo.Opt {
	opts := []kgo.Opt{kgo.AllowAutoTopicCreation()}
	switch c.Acks {
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	case "all":
		opts = append(opts, kgo.RequiredAcks(kgo.AllISRAcks()))
	}
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	if codec, ok := codecs[c.Compression]; ok {
		opts = append(opts, kgo.ProducerBatchCompression(codec))
	}
	byKey := func(string) func(*kgo.Record, int) int {
		return func(r *kgo.Record, n int) int { return must(strconv.Atoi(string(r.Key))) % n }
	}
	switch c.Partitioner {
	case "custom":
		opts = append(opts, kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(byKey)))
	case "roundrobin":
		opts = append(opts, kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	case "manual":
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	return opts
}

func produce(ctx context.Context, c command) {
	for _, r := range c.Records {
		if r.Partition != nil {
			c.Partitioner = "manual"
		}
	}
	cl := client(c, options(c)...)
	defer cl.Close()
	var waiting sync.WaitGroup
	failed := 0
	for i, r := range c.Records {
		rec := &kgo.Record{Topic: c.Topic, Value: []byte(r.Value)}
		if r.Size > 0 {
			rec.Value = []byte(strings.Repeat("x", r.Size))
		}
		if r.Key != nil {
			rec.Key = []byte(*r.Key)
		}
		if r.Partition != nil {
			rec.Partition = *r.Partition
		}
		if r.Timestamp != nil {
			rec.Timestamp = time.UnixMilli(*r.Timestamp)
		}
		for _, h := range r.Headers {
			rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
		}
		waiting.Add(1)
		done := func(rec *kgo.Record, err error) {
			defer waiting.Done()
			if err != nil {
				failed++
				emit(result{"i": i, "error": name(err)})
			} else {
				emit(result{"i": i, "partition": rec.Partition, "offset": rec.Offset})
			}
		}
		if c.Sync {
			done(rec, cl.ProduceSync(ctx, rec).FirstErr())
		} else {
			cl.Produce(ctx, rec, done)
		}
		time.Sleep(time.Duration(c.PauseMs) * time.Millisecond)
	}
	waiting.Wait()
	emit(result{"unsent": failed})
}

func consume(ctx context.Context, c command) {
	offsets := map[int32]kgo.Offset{}
	for _, p := range c.Partitions {
		offsets[p] = kgo.NewOffset().AtStart()
	}
	cl := client(c, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.Topic: offsets}))
	defer cl.Close()
	for left := c.Count; left > 0; {
		fetches := cl.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			emit(result{"error": name(e.Err)})
			return
		}
		fetches.EachRecord(func(r *kgo.Record) {
			var key any
			if r.Key != nil {
				key = string(r.Key)
			}
			headers := [][2]string{}
			for _, h := range r.Headers {
				headers = append(headers, [2]string{h.Key, string(h.Value)})
			}
			emit(result{
				"partition": r.Partition, "offset": r.Offset, "key": key, "value": string(r.Value),
				"headers": headers, "timestamp": r.Timestamp.UnixMilli(),
			})
			left--
		})
	}
}

func admin(ctx context.Context, c command) {
	cl := kadm.NewClient(client(c))
	defer cl.Close()
	hour, two := "3600000", "7200000"
	create := func() error {
		_, err := cl.CreateTopic(ctx, 2, 1, map[string]*string{"retention.ms": &hour}, c.Topic)
		return err
	}
	config := func() string {
		described := must(must(cl.DescribeTopicConfigs(ctx, c.Topic)).On(c.Topic, nil))
		for _, entry := range described.Configs {
			if entry.Key == "retention.ms" {
				return *entry.Value
			}
		}
		return ""
	}
	emit(result{"step": "create", "error": name(create())})
	emit(result{"step": "create again", "error": name(create())})
	emit(result{"step": "config", "value": config()})
	set := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &two}}
	altered := must(must(cl.AlterTopicConfigs(ctx, set, c.Topic)).On(c.Topic, nil))
	emit(result{"step": "alter", "error": name(altered.Err)})
	emit(result{"step": "config", "value": config()})
	grown := must(must(cl.UpdatePartitions(ctx, 3, c.Topic)).On(c.Topic, nil))
	emit(result{"step": "grow", "error": name(grown.Err)})
	emit(result{"step": "partitions", "value": len(must(cl.ListTopics(ctx, c.Topic))[c.Topic].Partitions)})
	deleted := must(must(cl.DeleteTopics(ctx, c.Topic)).On(c.Topic, nil))
	emit(result{"step": "delete", "error": name(deleted.Err)})
	emit(result{"step": "gone", "value": !must(cl.ListTopics(ctx)).Has(c.Topic)})
}

func version() {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/twmb/franz-go" {
			emit(result{"version": strings.TrimPrefix(module.Version, "v")})
		}
	}
}

func main() {
	var c command
	if err := json.Unmarshal([]byte(os.Args[1]), &c); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	switch c.Do {
	case "version":
		version()
	case "produce":
		produce(ctx, c)
	case "consume":
		consume(ctx, c)
	case "admin":
		admin(ctx, c)
	default:
		panic(c.Do)
	}
}
