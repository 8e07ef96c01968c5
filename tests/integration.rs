//! The one test binary: everything that is tested through the public interface or a running daemon.
