import sys
import traceback

from analysis.exit_codes import ExitCode

try:
    from analysis.cli import main
except KeyboardInterrupt:
    print("interrupted before the report was complete", file=sys.stderr)
    sys.exit(ExitCode.INTERRUPTED)
except Exception:
    # Python would exit with 1, which here means a missed objective.
    traceback.print_exc()
    sys.exit(ExitCode.CRASHED)

if __name__ == "__main__":
    main()
