"""The tables, one module per family of APIs.

Names are Kafka's own, fields in snake case. Structs that Kafka names too generally to stand
beside each other (PartitionData, TopicResponse) have the name of their API in front. Fields
of versions that Kafka 4.3 no longer speaks are left out.

To add an API: write its two classes here, and its row in ``raftkafka.protocol.apis.APIS``.

Source: Kafka's message definitions; what clients see of them is in the tests under oracle.
"""
