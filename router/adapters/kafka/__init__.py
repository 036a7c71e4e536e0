"""The log on Kafka: Faust for the stream processors, plain aiokafka for the rest."""
