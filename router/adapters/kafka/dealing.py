"""
How the partitions are dealt out among the members of a group.

The member whom the broker chose for it deals what its client knows of the topics. After a request for that has failed,
as when a broker ends in the moment of a join, it knows of none; Faust then deals out nothing to anybody, and aiokafka
looks again only when its knowledge is five minutes old.
"""

from __future__ import annotations

from aiokafka.cluster import ClusterMetadata  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.errors import UnknownTopicOrPartitionError  # type: ignore[import-untyped]  # as above
from faust.assignor.partition_assignor import MemberAssignmentMapping, MemberMetadataMapping, PartitionAssignor


class WholeDeal(PartitionAssignor):
    """Deals out all topics that a member wants, or none: what is not dealt out is read by nobody."""

    def assign(self, cluster: ClusterMetadata, member_metadata: MemberMetadataMapping) -> MemberAssignmentMapping:
        """Return who reads what; raises where a topic is not known, upon which `faust_app` joins anew."""
        wanted = {topic for member in member_metadata.values() for topic in member.subscription}
        if unknown := sorted(topic for topic in wanted if not cluster.partitions_for_topic(topic)):
            raise UnknownTopicOrPartitionError(f"not known at the time of dealing: {', '.join(unknown)}")
        return super().assign(cluster, member_metadata)
