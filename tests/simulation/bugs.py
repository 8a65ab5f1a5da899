"""Deliberate bugs, to be switched on one at a time: what finds nothing proves nothing."""

from dataclasses import dataclass, fields

__all__ = ["Bugs"]


@dataclass(frozen=True, slots=True)
class Bugs:
    """What is wrong in this run."""

    #: The gateway answers a push and commits it then.
    acknowledge_before_commit: bool = False
    #: A processor may write whatever it has to say, whoever holds the job.
    drop_the_fence: bool = False
    #: "How far have you read" is the newest transaction, whatever is still open before it.
    cursor_by_sequence: bool = False
    #: The device stores the cursor, and then the rows.
    apply_in_two_transactions: bool = False
    #: Nobody frees the jobs of processors that are gone.
    skip_the_reaping: bool = False
    #: A gateway that begins to listen anew does not look at what was rung meanwhile.
    skip_the_second_look: bool = False
    #: Processors look into the queue only when somebody rings.
    skip_the_sweep: bool = False
    #: A submit that comes again is taken for a new one.
    forget_submits: bool = False
    #: A finished job takes what is written to it.
    finished_is_not_final: bool = False
    #: The feed does not ask whose rows they are.
    feed_of_everybody: bool = False
    #: The operations of a push leave the outbox when it is sent.
    forget_when_sent: bool = False

    #: The feed does not tell of jobs that were pruned.
    skip_the_tombstones: bool = False
    #: A job that was pruned is taken for one that never was.
    forget_the_pruned: bool = False
    #: A device that is to read everything anew forgets what it has not sent.
    drop_the_outbox: bool = False
    #: What a device pushes is done before it is fixed where its first walk ends.
    push_before_the_start: bool = False
    #: A gateway believes whom it believed once.
    forget_the_revoked: bool = False
    #: What a restored database lacks a device takes for pruned, and does not send again.
    lost_is_gone: bool = False
    #: A device goes on from its cursor whichever database that is of, and the gateway lets it.
    keep_the_cursor: bool = False
    #: What had ended before a restore, and the restored database lacks, is submitted again.
    run_history_again: bool = False
    #: A device may read from the start whatever the gateway's database is by now.
    start_in_any_database: bool = False
    #: What a processor says of progress may be older than what it has said.
    say_progress_late: bool = False

    @classmethod
    def names(cls) -> list[str]:
        """All of them."""
        return [field.name for field in fields(cls)]
